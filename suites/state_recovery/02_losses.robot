*** Settings ***
Documentation       What cannot be replayed is declared, with its reason, and never left out in silence or replayed in part: the tab is
...                 notified where the log ends, has everything up to there over REST, and all that comes then live. Sources:
...                 docs/protocol.md §4 (``resumed``, the promise, bounds of /api/capabilities); judged by the recorded history.
Library             BudgetLibrary
Resource            recovery.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Teardown       Run Keywords    Drop Connections    AND    Close All Connections
Test Tags           state-recovery    p0    req:R02    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Test Cases ***
Missed Messages Over The Limit Are There Over REST
    [Tags]    id:R02-04    proto:4.66    proto:R4.04
    Open Tab In Conversation
    Send Chat Message    The last that was received    tab
    Receive Chat Message    The last that was received    tab
    Close Tab And Wait Until Recorded
    Send More Messages Than Are Replayed
    Tab Should Not Recover For    too_many_missed
    Rest Should Be There Over REST

A Tab Away Too Long Finds Everything Over REST
    [Tags]    id:R02-05    proto:4.67    proto:R4.05
    Open Tab In Conversation
    Close Tab And Wait Until Recorded
    Send From Other Device    While away    And once more
    Move Tab Past Resume Window
    Tab Should Not Recover For    window_passed
    Rest Should Be There Over REST

A New Log Is Declared And Never Replayed Partly
    [Tags]    id:R02-06    proto:4.65    proto:R4.06
    Open Tab In Conversation
    Send Chat Message    Of the old log    tab
    Receive Chat Message    Of the old log    tab
    Close Tab And Wait Until Recorded
    Reset Log Of Conversation
    Tab Should Not Recover For    epoch_changed
    Rest Should Be There Over REST

A Position That The Log Has Not Reached Is Declared
    [Tags]    id:R02-07    proto:4.70    proto:4.125    proto:R4.07
    Open Tab In Conversation
    Send Chat Message    All there is    tab
    Receive Chat Message    All there is    tab
    Close Tab And Wait Until Recorded
    Move Tab Past Log
    Tab Should Not Recover For    ahead_of_log
    Rest Should Be There Over REST

A Deleted Conversation Is Declared At The Resume
    [Tags]    id:R02-08    proto:R4.08
    Open Tab And Second Device    in_conversations=2
    Close Tab And Wait Until Recorded
    Send From Other Device    While away    And once more
    Delete Second Conversation
    Tab Should Not Recover For    not_found
    Rest Should Be There Over REST

A Tab Takes Over Its Old Client Too Late
    [Documentation]    Its new socket has another client, until it resumes as the one that it was.
    [Tags]    id:R02-15    proto:4.67    proto:4.78
    Open Tab In Conversation
    Close Tab And Wait Until Recorded
    Send From Other Device    While away
    Move Tab Past Resume Window
    Open Chat Socket    tab    url=${BACKEND_2_SOCKET_URL}
    ${resumed} =    Resume    ${CLIENT_ID}    ${HELD}    tab
    Should Be Equal    ${{ ($resumed['recovered'], $resumed['reason']) }}    ${{ (False, 'window_passed') }}
    ...    what a tab that was away too long receives when it takes over its old client

A Log That Lacks A Message Is Declared
    [Documentation]    Its epoch is the same, and its end too; one message that the tab has missed is gone.
    [Tags]    id:R02-16    proto:4.65    proto:4.125
    Open Tab In Conversation
    Close Tab And Wait Until Recorded
    Send From Other Device    One    Two    Three
    Execute Sql String    DELETE FROM messages WHERE conversation_id = '${CONVERSATION}' AND seq = 2    alias=main
    Tab Should Not Recover For    epoch_changed

Another Conversation That Is Ahead Spoils The Resume Of Both
    [Documentation]    The first of two could be replayed, the second cannot.
    [Tags]    id:R02-17    proto:4.70    proto:4.71    proto:4.72
    Open Tab And Second Device    in_conversations=2
    Close Tab And Wait Until Recorded
    Send From Other Device    While away
    VAR    &{ahead}    &{HELD}[${CONVERSATIONS}[1]]
    VAR    &{ahead}    &{ahead}    seq=${1}
    VAR    &{HELD}    &{HELD}    ${CONVERSATIONS}[1]=${ahead}    scope=TEST
    Tab Should Not Recover For    ahead_of_log
    Rest Should Be There Over REST


*** Keywords ***
Send More Messages Than Are Replayed
    [Documentation]    One message more than the platform replays is in the log after what the tab holds.
    ${most} =    Get Platform Limit    max_replay
    VAR    ${log}
    ...    WITH grown AS (UPDATE conversations SET last_seq = last_seq + ${most + 1} WHERE id = '${CONVERSATION}' RETURNING id, user_id)
    ...    INSERT INTO messages SELECT id, n + 1, 'more-' || n, user_id::text, 'user', 'more ' || n, now()
    ...    FROM grown, generate_series(1, ${most + 1}) n
    Execute Sql String    ${log}    alias=main

Close Tab And Wait Until Recorded
    [Documentation]    The tab is closed, and the main database says when. Sets ``HELD``, the positions that it has.
    ${held} =    Get Positions Of Tab
    VAR    ${HELD}    ${held}    scope=TEST
    VAR    ${of_the_tab}    client_id = '${CLIENT_ID}'
    Execute Sql String    UPDATE socket_clients SET last_seen = now() - interval '1 hour' WHERE ${of_the_tab}    alias=main
    Close Connection    tab
    VAR    ${has_left}    SELECT 1 FROM socket_clients WHERE ${of_the_tab} AND last_seen > now() - interval '1 minute'
    Wait Until Keyword Passes    10s    Check Row Count    ${has_left}    ==    1    alias=main

Move Tab Past Resume Window
    [Documentation]    The tab, whose leaving the platform has written down, was last seen longer ago than the platform keeps a stream.
    ${window} =    Get Platform Limit    resume_window
    VAR    ${of_the_tab}    client_id = '${CLIENT_ID}'
    Execute Sql String    UPDATE socket_clients SET last_seen = now() - interval '${window + 1} seconds' WHERE ${of_the_tab}    alias=main

Reset Log Of Conversation
    [Documentation]    The conversation's log has a new epoch, as after a trim or a restore from a backup.
    Execute Sql String    UPDATE conversations SET epoch = 'new' WHERE id = '${CONVERSATION}'    alias=main

Move Tab Past Log
    [Documentation]    ``HELD`` is one message further than the log, as after a restore from a backup that kept the epoch.
    VAR    &{position}    &{HELD}[${CONVERSATION}]
    VAR    &{position}    &{position}    seq=${position.seq + 1}
    VAR    &{HELD}    &{HELD}    ${CONVERSATION}=${position}    scope=TEST

Delete Second Conversation
    [Documentation]    By its owner, through frontend.
    Delete At    frontend    /api/conversations/${CONVERSATIONS}[1]    ${ACCESS_TOKEN}    status=204
