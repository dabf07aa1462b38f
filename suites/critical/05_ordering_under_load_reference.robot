*** Settings ***
Documentation       The assistant answers in order however many write at once, a burst is fast, and the services keep their memory.
...                 Sources: docs/protocol.md §4 (acknowledged after commit, seqs contiguous and in order); judged by the recorded history
...                 of every socket and the rows of the main database. 05_ordering_under_load has what holds on any platform.
Resource            load.resource
Suite Setup         Use A Private Platform    backends=2    ACCESS_TTL=3600
Suite Teardown      Leave The Platform
Test Teardown       End The Load
Test Tags           critical    p0    needs:ws    needs:assistant    needs:session.admin


*** Test Cases ***
A Hundred Users At Once Are Each Answered In Order
    [Tags]    id:C05-07    req:C05.1    proto:4.49    needs:db.main    needs:replicas.2
    Load Users With A Conversation Each    100
    Connect Everybody
    Everybody Says    10
    Nothing Was Lost Doubled Reordered Or Leaked    rows=2000
    Everybody Was Acknowledged And Answered In Order
    Nobody Heard Of Another's Conversation

A Burst Of A Thousand Messages Is Answered In Time
    [Tags]    id:C05-08    req:C05.2    needs:db.main
    Get Ready For A Burst
    A Neighbour Is Connected
    The Neighbour Is Probed At Rest    50
    Record Socket    burst
    Everybody Says    1000
    The Neighbour Is Probed At Rest    50
    Nothing Was Lost Doubled Reordered Or Leaked    rows=2000
    Everybody Was Acknowledged And Answered In Order
    The Burst Was Faster Than One By One

Services Stay Within Their Memory Budgets Under Load
    [Tags]    id:C05-06    req:C05.4    needs:control.kill
    Get Ready For A Burst    assistant=False    url=${SOCKET_URL}
    Bursts    2
    Start Memory Watch    auth    backend-1    backend-2    frontend
    Bursts    6
    ${seen} =    Stop Memory Watch
    Memory Of The Services Stays Within Its Budgets    ${seen}
