*** Settings ***
Documentation       Order holds for each user however many write at once, and nobody suffers from a neighbour who writes much.
...                 Sources: docs/protocol.md §4 (acknowledged after commit, seqs contiguous and in order, equal turns); judged by the
...                 recorded history of every socket and the rows of the main database.
Resource            load.resource
Suite Setup         Use A Private Platform    backends=2    ACCESS_TTL=3600
Suite Teardown      Leave The Platform
Test Teardown       End The Load
Test Tags           critical    p0    needs:ws    needs:assistant    needs:session.admin


*** Test Cases ***
A Hundred Users At Once Each Find Their Own Messages In Order And Nobody Else's
    [Tags]    id:C05-01    req:C05.1    needs:db.main    needs:replicas.2
    Load Users With A Conversation Each    100
    Connect Everybody
    Everybody Says    10
    Nothing Was Lost Doubled Reordered Or Leaked    rows=2000
    Everybody Was Acknowledged And Answered In Order
    Nobody Heard Of Another's Conversation

A Burst Of A Thousand Messages Is Acknowledged Stored And Answered In Order
    [Tags]    id:C05-02    req:C05.2    needs:db.main
    Get Ready For A Burst
    A Neighbour Is Connected
    The Neighbour Is Probed At Rest    50
    Record Socket    burst
    Everybody Says    1000
    The Neighbour Is Probed At Rest    50
    Nothing Was Lost Doubled Reordered Or Leaked    rows=2000
    Everybody Was Acknowledged And Answered In Order
    The Burst Was Faster Than One By One

Nothing Is Acknowledged Before It Is Stored
    [Tags]    id:C05-03    req:C05.2    needs:db.main
    Get Ready For A Burst    assistant=False
    Hold The Conversation In The Main Database
    Begin A Burst
    Nothing Is Acknowledged While The Commit Waits
    Disconnect From Database    alias=holder
    The Burst Is Over    frames_each=2

Another User Waits At Most Ten Times As Long During The Burst As Before It
    [Tags]    id:C05-04    req:C05.3
    Get Ready For A Burst
    A Neighbour Is Connected
    The Neighbour Is Probed Before And During Bursts
    The Neighbour Waits At Most Ten Times As Long

Who Comes After A Burst Of Another User Is Served Before Most Of It
    [Tags]    id:C05-05    req:C05.3    needs:db.main
    Get Ready For A Burst
    A Neighbour Is Connected
    The Burst Is Queued When The Neighbour Comes
    The Neighbour Was Stored Before    most=250

The Services Need No More Memory Under The Load Than They Are Allowed
    [Tags]    id:C05-06    req:C05.4    needs:control.kill
    Get Ready For A Burst    assistant=False    url=${SOCKET_URL}
    Bursts    2
    Start Memory Watch    auth    backend-1    backend-2    frontend
    Bursts    6
    ${seen} =    Stop Memory Watch
    Memory Of The Services Stays Within Its Budgets    ${seen}
