*** Settings ***
Documentation       What cannot be replayed is declared, with its reason, and never left out in silence or replayed in part: the tab is told
...                 where the log ends, has everything up to there over REST, and all that comes then live. Sources: docs/protocol.md §4
...                 (``resumed``, the promise, bounds of /api/capabilities); judged by the recorded history.
Library             BudgetLibrary
Resource            recovery.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Teardown       Run Keywords    Drop Connections    AND    Close All Connections
Test Tags           state-recovery    p0    req:R02    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Test Cases ***
Missed Messages Over The Limit Are There Over REST
    [Tags]    id:R02-04    proto:4.66    proto:R4.04
    A Tab In A Conversation
    Say    The last that was heard    tab
    Hear    The last that was heard    tab
    The Tab Leaves And That Is Written Down
    More Has Been Said Than Is Replayed
    The Tab Is Told It Has Not Recovered    too_many_missed
    The Rest Is There Over REST And Goes On Live

A Tab Away Too Long Finds Everything Over REST
    [Tags]    id:R02-05    proto:4.67    proto:R4.05
    A Tab In A Conversation
    The Tab Leaves And That Is Written Down
    Somebody Else Says    While away    And once more
    The Window Has Passed
    The Tab Is Told It Has Not Recovered    window_passed
    The Rest Is There Over REST And Goes On Live

A New Log Is Declared And Never Replayed Partly
    [Tags]    id:R02-06    proto:4.65    proto:R4.06
    A Tab In A Conversation
    Say    Of the old log    tab
    Hear    Of the old log    tab
    The Tab Leaves And That Is Written Down
    The Log Was Begun Anew
    The Tab Is Told It Has Not Recovered    epoch_changed
    The Rest Is There Over REST And Goes On Live

A Position That The Log Has Not Reached Is Declared
    [Tags]    id:R02-07    proto:4.70    proto:4.125    proto:R4.07
    A Tab In A Conversation
    Say    All there is    tab
    Hear    All there is    tab
    The Tab Leaves And That Is Written Down
    The Tab Holds More Than The Log Has
    The Tab Is Told It Has Not Recovered    ahead_of_log
    The Rest Is There Over REST And Goes On Live

A Deleted Conversation Is Declared At The Resume
    [Tags]    id:R02-08    proto:R4.08
    A Tab And A Second Device    in_conversations=2
    The Tab Leaves And That Is Written Down
    Somebody Else Says    While away    And once more
    The Second Conversation Is Deleted
    The Tab Is Told It Has Not Recovered    not_found
    The Rest Is There Over REST And Goes On Live

A Tab Takes Over Its Old Client Too Late
    [Documentation]    Its new socket has another client, until it resumes as the one that it was.
    [Tags]    id:R02-15    proto:4.67    proto:4.78
    A Tab In A Conversation
    The Tab Leaves And That Is Written Down
    Somebody Else Says    While away
    The Window Has Passed
    Open A Socket    tab    url=${BACKEND_2_SOCKET_URL}
    ${resumed} =    Resume    ${CLIENT_ID}    ${HELD}    tab
    Should Be Equal    ${{ ($resumed['recovered'], $resumed['reason']) }}    ${{ (False, 'window_passed') }}
    ...    what a tab that was away too long is told when it takes over its old client

A Log That Lacks A Message Is Declared
    [Documentation]    Its epoch is the same, and its end too; one message that the tab has missed is gone.
    [Tags]    id:R02-16    proto:4.65    proto:4.125
    A Tab In A Conversation
    The Tab Leaves And That Is Written Down
    Somebody Else Says    One    Two    Three
    Execute Sql String    DELETE FROM messages WHERE conversation_id = '${CONVERSATION}' AND seq = 2    alias=main
    The Tab Is Told It Has Not Recovered    epoch_changed

Another Conversation That Is Ahead Spoils The Resume Of Both
    [Documentation]    The first of two could be replayed, the second cannot.
    [Tags]    id:R02-17    proto:4.70    proto:4.71    proto:4.72
    A Tab And A Second Device    in_conversations=2
    The Tab Leaves And That Is Written Down
    Somebody Else Says    While away
    VAR    &{ahead}    &{HELD}[${CONVERSATIONS}[1]]
    VAR    &{ahead}    &{ahead}    seq=${1}
    VAR    &{HELD}    &{HELD}    ${CONVERSATIONS}[1]=${ahead}    scope=TEST
    The Tab Is Told It Has Not Recovered    ahead_of_log
    The Rest Is There Over REST And Goes On Live


*** Keywords ***
More Has Been Said Than Is Replayed
    [Documentation]    One message more than the platform replays is in the log after what the tab holds.
    ${most} =    Limit Of The Platform    max_replay
    VAR    ${log}
    ...    WITH grown AS (UPDATE conversations SET last_seq = last_seq + ${most + 1} WHERE id = '${CONVERSATION}' RETURNING id, user_id)
    ...    INSERT INTO messages SELECT id, n + 1, 'more-' || n, user_id::text, 'user', 'more ' || n, now()
    ...    FROM grown, generate_series(1, ${most + 1}) n
    Execute Sql String    ${log}    alias=main

The Tab Leaves And That Is Written Down
    [Documentation]    The tab is closed, and the main database says when. Sets ``HELD``, the positions that it has.
    ${held} =    What The Tab Holds
    VAR    ${HELD}    ${held}    scope=TEST
    VAR    ${of_the_tab}    client_id = '${CLIENT_ID}'
    Execute Sql String    UPDATE socket_clients SET last_seen = now() - interval '1 hour' WHERE ${of_the_tab}    alias=main
    Close Connection    tab
    VAR    ${has_left}    SELECT 1 FROM socket_clients WHERE ${of_the_tab} AND last_seen > now() - interval '1 minute'
    Wait Until Keyword Passes    10s    Check Row Count    ${has_left}    ==    1    alias=main

The Window Has Passed
    [Documentation]    The tab, whose leaving the platform has written down, was last seen longer ago than the platform keeps a stream.
    ${window} =    Limit Of The Platform    resume_window
    VAR    ${of_the_tab}    client_id = '${CLIENT_ID}'
    Execute Sql String    UPDATE socket_clients SET last_seen = now() - interval '${window + 1} seconds' WHERE ${of_the_tab}    alias=main

The Log Was Begun Anew
    [Documentation]    The conversation's log has a new epoch, as after a trim or a restore from a backup.
    Execute Sql String    UPDATE conversations SET epoch = 'anew' WHERE id = '${CONVERSATION}'    alias=main

The Tab Holds More Than The Log Has
    [Documentation]    ``HELD`` is one message further than the log, as after a restore from a backup that kept the epoch.
    VAR    &{position}    &{HELD}[${CONVERSATION}]
    VAR    &{position}    &{position}    seq=${position.seq + 1}
    VAR    &{HELD}    &{HELD}    ${CONVERSATION}=${position}    scope=TEST

The Second Conversation Is Deleted
    [Documentation]    By its owner, through frontend.
    Delete At    frontend    /api/conversations/${CONVERSATIONS}[1]    ${ACCESS_TOKEN}    status=204
