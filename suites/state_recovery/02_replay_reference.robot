*** Settings ***
Documentation       What waits for a tab that is away comes in its order and once: messages by their seqs, events by their urgency. What
...                 cannot be replayed is declared, never left out in silence, and is there over REST. Sources: docs/protocol.md §4
...                 (resume, event, the promise, 500 messages a frame); judged by the recorded history.
Library             BudgetLibrary
Resource            recovery.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Teardown       Run Keywords    Drop Connections    AND    Close All Connections
Test Tags           state-recovery    p0    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Test Cases ***
No Replay Frame Holds More Than Declared
    [Tags]    id:R02-13    req:R02    proto:4.45
    Open Tab And Second Device
    Close Connection    tab
    Send From Device    1201
    Reconnect Tab    missed=1201
    No Frame Should Exceed Declared Size
    Tabs Should Have Received Everything    1201    tab    device

Urgent Notifications Come First
    [Tags]    id:R03-01    req:R03    proto:4.55    proto:4.56    proto:4.59    proto:R3.11
    Open Tab In Conversation
    Close Connection    tab
    Store Pending Notifications    5    9    0    5    9    1    7    9    0    5
    Send From Other Device    Before any event
    Reconnect Tab    missed=1
    Events Should Follow Replay By Urgency
    Acknowledge Every Event Of Tab
    Close Connection    tab
    Reconnect Tab    missed=0
    No Event Should Be Pending For Tab

Notifications Beyond One Reading All Come, Urgent First
    [Tags]    id:R03-02    req:R03
    Open Tab In Conversation
    Close Connection    tab
    Move Notifications Into Past    1201
    Reconnect Tab    missed=0
    Events Should Follow Replay By Urgency

A Returning Tab Is Notified Of Missed Changes
    [Tags]    id:R06-02    req:R06    proto:R3.10
    Open Tab With State
    Drop Socket Connection    tab
    Change Preferences Conversation And State Elsewhere
    Reconnect Tab    missed=0
    Tab Should Receive Changes
    Client And Server Should Have Same State    ${RESUMED}

A Replaced Socket Cannot Change The State
    [Tags]    id:R06-03    req:R06    proto:4.86    proto:R3.09
    Open Tab With State
    Register Newer Socket Without Notification
    Old Socket Should Be Closed At Write
    Newer Socket Should Find And Change State

A Used Message Id With Another Body Is Refused
    [Tags]    id:R07-03    req:R07    proto:4.31    proto:R1.09
    Open Tab In Conversation
    ${first} =    Send Chat Message    The first    tab    client_msg_id=used
    Receive Chat Message    The first    tab
    Drop Socket Connection    tab
    Reconnect Tab    missed=0
    Socket Should Answer With Error    tab    message.send    client_msg_id_conflict    conversation_id=${CONVERSATION}
    ...    client_msg_id=used    body=Another
    ${again} =    Send Chat Message    The first    tab    client_msg_id=used
    Should Be Equal    ${{ ($again['seq'], $again['duplicate']) }}    ${{ ($first['seq'], True) }}    the id names another message now
    Send Chat Message    The second    tab
    Tabs Should Have Received Everything    rows=2


*** Keywords ***
No Frame Should Exceed Declared Size
    [Documentation]    No frame of the replay holds more than 500 messages.
    ${frames} =    Get Frames    connection=tab    type=message.batch
    VAR    ${sizes}    ${{ [len(frame.json['payload']['messages']) for frame in $frames] }}
    Should Be True    max($sizes) <= 500    the replay's frames hold ${sizes} messages

Store Pending Notifications
    [Documentation]    The user gets one notification of each of these priorities, one after the other, numbered from 1.
    [Arguments]    @{priorities}
    VAR    @{WAITING}    @{EMPTY}    scope=TEST
    FOR    ${number}    ${priority}    IN ENUMERATE    @{priorities}    start=1
        Notify    ${number}    ${priority}
        Append To List    ${WAITING}    ${{ (-int($priority), $number) }}
    END

Move Notifications Into Past
    [Documentation]    So many notifications of all priorities, numbered from 1, which nothing but the user's return will bring to mind.
    [Arguments]    ${count: int}
    VAR    ${tab_is_older}    UPDATE socket_clients SET created_at = now() - interval '1 day' WHERE client_id = '${CLIENT_ID}'
    Execute Sql String    ${tab_is_older}    alias=main
    VAR    ${hour_old}    INSERT INTO notifications (event_id, user_id, kind, priority, data, created_at)
    ...    SELECT gen_random_uuid(), '${USER.id}', 'notification', n % 10, jsonb_build_object('body', n), now() - interval '1 hour'
    ...    FROM generate_series(1, ${count}) n ORDER BY n
    Execute Sql String    ${hour_old}    alias=main
    VAR    @{WAITING}    @{{ [(-(n % 10), n) for n in range(1, $count + 1)] }}    scope=TEST

Events Should Follow Replay By Urgency
    [Documentation]    All that waits comes once, after ``resumed``, the most urgent first, in the order of creation within one priority.
    ...    (The platform waits for a ``resume`` for a second; on a machine that takes longer nothing is wrong with what comes first.)
    ${came} =    Wait Until Keyword Passes    15s    All Events Should Arrive
    ${frames} =    Get Frames    connection=tab
    VAR    ${kinds}    ${{ [frame.json['type'] for frame in $frames] }}
    VAR    ${resumed}    ${{ $frames[$kinds.index('resumed')] }}
    Should Be True    $kinds.index('event') > $kinds.index('resumed') or $resumed.elapsed - $frames[0].elapsed > 0.9
    ...    an event came before the replay had ended: ${kinds}[:9]
    Should Be Equal    ${came}    ${{ sorted($WAITING) }}    the events (-priority, number) came in another order

All Events Should Arrive
    [Documentation]    As many events as wait have come to the tab; returns what they are, each where it came first.
    ${events} =    Get Frames    connection=tab    type=event
    ${came} =    Evaluate    {e.json['payload']['event_id']: e.json['payload'] for e in reversed($events)}
    VAR    ${reported}    ${{ [(-event['priority'], event['data']['body']) for event in reversed($came.values())] }}
    Should Be True    len($reported) >= len($WAITING)    of ${{ len($WAITING) }} events that wait only ${{ len($reported) }} came
    RETURN    ${reported}

Acknowledge Every Event Of Tab
    [Documentation]    Each event is acknowledged, and REST shows that none waits any more.
    ${events} =    Get Frames    connection=tab    type=event
    FOR    ${event}    IN    @{events}
        Acknowledge    ${event.json}[payload][event_id]    tab
    END
    Wait Until Keyword Passes    5s    No Notification Should Be Pending

No Notification Should Be Pending
    [Documentation]    REST lists no notification of the user.
    ${response} =    Get From    backend    /api/notifications    ${ACCESS_TOKEN}
    Should Be Empty    ${response.json()}[notifications]    notifications wait that were acknowledged

No Event Should Be Pending For Tab
    [Documentation]    The next event of the tab is one that has just been made: those before it were done with.
    Store Pending Notifications    0
    Events Should Follow Replay By Urgency

Change Preferences Conversation And State Elsewhere
    [Documentation]    Preferences are written and the conversation is renamed through frontend while the tab is away.
    Put At    frontend    /api/preferences    ${{ {'theme': 'dark'} }}    ${ACCESS_TOKEN}    If-Match="0"
    VAR    ${path}    /api/conversations/${CONVERSATION}
    ${current} =    Get From    frontend    ${path}    ${ACCESS_TOKEN}
    Patch At    frontend    ${path}    ${{ {'title': 'Renamed'} }}    ${ACCESS_TOKEN}    If-Match=${current.headers}[ETag]

Tab Should Receive Changes
    [Documentation]    The events of both changes come, after ``resumed``, and what they say is what the endpoints show.
    ${preferences} =    Wait For Json    connection=tab    type=event    payload.kind=preferences.updated
    ${renamed} =    Wait For Json    connection=tab    type=event    payload.data.conversation.title=Renamed
    ${shown} =    Get From    frontend    /api/preferences    ${ACCESS_TOKEN}
    Should Be Equal    ${preferences}[payload][data][preferences]    ${shown.json()}    the tab is notified of other preferences
    ${shown} =    Get From    frontend    /api/conversations/${CONVERSATION}    ${ACCESS_TOKEN}
    Should Be Equal    ${renamed}[payload][data][conversation]    ${shown.json()}    the tab is notified of another conversation

Register Newer Socket Without Notification
    [Documentation]    The main database knows of a newer socket of the tab; no pub/sub notification has notified the replica that serves
    ...    the old one.
    VAR    ${of_the_tab}    client_id = '${CLIENT_ID}'
    Execute Sql String    UPDATE socket_clients SET generation = generation + 1 WHERE ${of_the_tab}    alias=main

Old Socket Should Be Closed At Write
    [Documentation]    The old socket writes over the version that it knows, and is notified soon that it has been replaced.
    VAR    &{late}    base_version=${STATE_VERSION}    document=${{ {'thread': 'of the replaced socket'} }}
    VAR    &{frame}    type=state.update    id=late    payload=${late}
    Send Json    ${frame}    tab
    Open Socket Should Be Closed With    4009    tab    within=10s

Newer Socket Should Find And Change State
    [Documentation]    The replaced socket's write was not taken; the newer one's, over the same version, is.
    Open Own Tab    ${BACKEND_2_SOCKET_URL}
    ${found} =    Ask Socket    tab    state.get    state
    Should Be Equal    ${found}[document]    ${STATE}    a socket that had been replaced wrote the state
    Store Tab State    step=${STATE_VERSION + 1}
