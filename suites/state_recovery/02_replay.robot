*** Settings ***
Documentation       What waits for a tab that is away comes in its order and once: messages by their seqs, events by their urgency. What
...                 cannot be replayed is declared, never left out in silence, and is there over REST. Sources: docs/protocol.md §4
...                 (resume, event, the promise, bounds of /api/capabilities); judged by the recorded history.
Resource            recovery.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Teardown       Run Keywords    Drop Connections    AND    Close All Connections
Test Tags           state-recovery    p0    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Test Cases ***
A Hundred Messages That Waited Come In Order And Once
    [Tags]    req:R02
    A Tab And A Second Device
    Close Connection    tab
    The Device Says    100
    The Tab Comes Back    missed=100
    Close Connection    tab
    The Tab Comes Back    missed=0
    Nothing Was Lost On The Way    100    tab    device

More Than A Frame Holds Comes In Several In Order And Once
    [Tags]    req:R02
    A Tab And A Second Device
    Close Connection    tab
    The Device Says    1201
    The Tab Comes Back    missed=1201
    No Frame Holds More Than Is Declared
    Nothing Was Lost On The Way    1201    tab    device

What Is Said During The Replay Follows It Without A Seam
    [Tags]    req:R02
    A Tab And A Second Device
    Lose The Connection    tab
    The Device Says    1000
    The Tab Comes Back While The Device Goes On    600
    Nothing Was Lost On The Way    1600    tab    device

What Waited In Several Conversations Comes In The Order Of Each
    [Tags]    req:R02
    A Tab And A Second Device    in_conversations=5
    Lose The Connection    tab
    The Device Says    40
    The Tab Comes Back    missed=200
    Nothing Was Lost On The Way    200    tab    device

Urgent Notifications Come First And In Their Order Within One Urgency
    [Tags]    req:R03
    A Tab In A Conversation
    Close Connection    tab
    Notifications Wait    5    9    0    5    9    1    7    9    0    5
    Somebody Else Says    Before any event
    The Tab Comes Back    missed=1
    Events Come By Urgency After The Replay
    The Tab Acknowledges Every Event
    Close Connection    tab
    The Tab Comes Back    missed=0
    Nothing Waits For The Tab

More Notifications Than One Reading Holds All Come And Urgent Ones First
    [Tags]    req:R03
    A Tab In A Conversation
    Close Connection    tab
    Notifications Have Waited For An Hour    1201
    The Tab Comes Back    missed=0
    Events Come By Urgency After The Replay

What Changed Elsewhere While The Tab Was Away Is Told After It Came Back
    [Tags]    req:R06
    A Tab With Something To Lose
    Lose The Connection    tab
    Preferences Conversation And State Change Elsewhere
    The Tab Comes Back    missed=0
    The Tab Is Told What Has Changed
    Client And Server Are In The Same State    ${RESUMED}

A Socket That Has Been Replaced Changes Nothing In The State Any More
    [Tags]    req:R06
    A Tab With Something To Lose
    A Newer Socket Of The Tab Is Registered Unheard
    The Old Socket Tries To Change The State And Is Closed
    The Newer Socket Finds The State As It Was And Changes It

More Missed Messages Than Are Replayed Are Declared And There Over REST
    [Tags]    req:R02
    A Tab In A Conversation
    Say    The last that was heard    tab
    Hear    The last that was heard    tab
    The Tab Leaves And That Is Written Down
    More Has Been Said Than Is Replayed
    The Tab Is Told It Has Not Recovered    too_many_missed
    The Rest Is There Over REST And Goes On Live

A Tab That Was Away Longer Than The Window Is Told And Finds Everything Over REST
    [Tags]    req:R02
    A Tab In A Conversation
    The Tab Leaves And That Is Written Down
    Somebody Else Says    While away    And once more
    The Window Has Passed
    The Tab Is Told It Has Not Recovered    window_passed
    The Rest Is There Over REST And Goes On Live

A Log That Begins Anew Is Declared And Never Replayed In Part
    [Tags]    req:R02
    A Tab In A Conversation
    Say    Of the old log    tab
    Hear    Of the old log    tab
    The Tab Leaves And That Is Written Down
    The Log Was Begun Anew
    The Tab Is Told It Has Not Recovered    epoch_changed
    The Rest Is There Over REST And Goes On Live

A Used Message Id With Another Body Is Refused And The First One Stays
    [Tags]    req:R07
    A Tab In A Conversation
    ${first} =    Say    The first    tab    client_msg_id=used
    Hear    The first    tab
    Lose The Connection    tab
    The Tab Comes Back    missed=0
    Socket Answers With Error    tab    message.send    client_msg_id_conflict    conversation_id=${CONVERSATION}
    ...    client_msg_id=used    body=Another
    ${again} =    Say    The first    tab    client_msg_id=used
    Should Be Equal    ${{ ($again['seq'], $again['duplicate']) }}    ${{ ($first['seq'], True) }}    the id names another message now
    Say    The second    tab
    Nothing Was Lost On The Way    rows=2


*** Keywords ***
A Tab And A Second Device
    [Documentation]    One user in so many conversations with a tab at the first replica and another device, recorded too, at the second
    ...    one.
    [Arguments]    ${in_conversations: int}=1
    Somebody Has A Conversation
    ${more} =    Create Conversation For Each    ${{ [$USER] * ($in_conversations - 1) }}
    VAR    @{CONVERSATIONS}    ${CONVERSATION}    @{{ [one.id for one in $more] }}    scope=TEST
    The Tab Opens
    Open A Socket    device    url=${BACKEND_2_SOCKET_URL}
    Record Socket    device
    Client May See    device    @{CONVERSATIONS}
    FOR    ${conversation}    IN    @{CONVERSATIONS}
        Subscribe    tab    ${conversation}
        Subscribe    device    ${conversation}
    END

The Device Begins To Say
    [Documentation]    The second device sends so many messages in each of the conversations, in turn, and waits for nothing.
    [Arguments]    ${count: int}
    VAR    @{devices}    device
    VAR    &{payload}    conversation_id={conversation}    client_msg_id={uuid}    body=message {n} of {alias}
    VAR    &{frame}    type=message.send    id=n-{n}    payload=${payload}
    FOR    ${conversation}    IN    @{CONVERSATIONS}
        Send On All    ${frame}    ${devices}    times=${count}    conversation=${{ [$conversation] }}
    END

The Device Says
    [Documentation]    As `The Device Begins To Say`; every message is acknowledged and heard on the device itself.
    [Arguments]    ${count: int}
    The Device Begins To Say    ${count}
    The Device Has Heard    ${count}

The Device Has Heard
    [Documentation]    So many further messages in each conversation are acknowledged and delivered to the device.
    [Arguments]    ${count: int}
    VAR    @{devices}    device
    VAR    ${all}    ${{ $count * len($CONVERSATIONS) }}
    Collect On All    ${all}    ${devices}    where=type=ack    within=30s
    Collect On All    ${all}    ${devices}    where=type=message    within=30s

The Tab Comes Back
    [Documentation]    The tab opens at the second replica and resumes; so many messages are replayed, in order, before ``resumed``.
    [Arguments]    ${missed: int}
    The Tab Opens    ${BACKEND_2_SOCKET_URL}
    ${resumed} =    The Tab Resumes    ${missed}
    VAR    ${RESUMED}    ${resumed}    scope=TEST

The Tab Comes Back While The Device Goes On
    [Documentation]    The device sends so many more messages while the tab resumes; the tab comes to hold them all.
    [Arguments]    ${count: int}
    ${held} =    What The Tab Holds
    The Tab Opens    ${BACKEND_2_SOCKET_URL}
    VAR    &{coming}    client_id=${CLIENT_ID}    positions=${held}
    VAR    &{frame}    type=resume    id=coming    payload=${coming}
    Send Json    ${frame}    tab
    The Device Begins To Say    ${count}
    Wait For Json    connection=tab    type=resumed    payload.recovered=true
    The Device Has Heard    ${count}
    Wait Until Keyword Succeeds    15s    50ms    The Tab Has Come To The Head

The Tab Has Come To The Head
    [Documentation]    The last message that the tab was given is the last of the conversation.
    ${shown} =    Get From    frontend    /api/conversations/${CONVERSATION}    ${ACCESS_TOKEN}
    ${held} =    What The Tab Holds
    Should Be Equal    ${held}[${CONVERSATION}][seq]    ${shown.json()}[last_seq]    the tab has not come to the head of the log

No Frame Holds More Than Is Declared
    [Documentation]    No frame of the replay holds more messages than ``/api/capabilities`` says.
    ${response} =    Get From    backend    /api/capabilities
    ${frames} =    Get Frames    connection=tab    type=message.batch
    VAR    ${sizes}    ${{ [len(frame.json['payload']['messages']) for frame in $frames] }}
    Should Be True    max($sizes) <= ${response.json()}[limits][batch]    the replay's frames hold ${sizes} messages

Notifications Wait
    [Documentation]    The user gets one notification of each of these priorities, one after the other, numbered from 1.
    [Arguments]    @{priorities}
    VAR    @{WAITING}    @{EMPTY}    scope=TEST
    FOR    ${number}    ${priority}    IN ENUMERATE    @{priorities}    start=1
        Post To    backend    /internal/notifications    ${{ {'user_id': $USER.id, 'priority': int($priority), 'body': $number} }}
        ...    ${SERVICE_TOKEN}    status=201
        Append To List    ${WAITING}    ${{ (-int($priority), $number) }}
    END

Notifications Have Waited For An Hour
    [Documentation]    So many notifications of all priorities, numbered from 1, which nothing but the user's return will bring to mind.
    [Arguments]    ${count: int}
    VAR    ${tab_is_older}    UPDATE socket_clients SET created_at = now() - interval '1 day' WHERE client_id = '${CLIENT_ID}'
    Execute Sql String    ${tab_is_older}    alias=main
    VAR    ${hour_old}    INSERT INTO notifications (event_id, user_id, kind, priority, data, created_at)
    ...    SELECT gen_random_uuid(), '${USER.id}', 'notification', n % 10, jsonb_build_object('body', n), now() - interval '1 hour'
    ...    FROM generate_series(1, ${count}) n ORDER BY n
    Execute Sql String    ${hour_old}    alias=main
    VAR    @{WAITING}    @{{ [(-(n % 10), n) for n in range(1, $count + 1)] }}    scope=TEST

Events Come By Urgency After The Replay
    [Documentation]    All that waits comes once, after ``resumed``, the most urgent first, in the order of creation within one priority.
    ${came} =    Wait Until Keyword Succeeds    15s    50ms    All Events Have Come
    ${frames} =    Get Frames    connection=tab
    VAR    ${kinds}    ${{ [frame.json['type'] for frame in $frames] }}
    Should Be True    $kinds.index('event') > $kinds.index('resumed')    an event came before the replay had ended: ${kinds}[:9]
    Should Be Equal    ${came}    ${{ sorted($WAITING) }}    the events (-priority, number) came in another order

All Events Have Come
    [Documentation]    As many events as wait have come to the tab; returns what they are, each where it came first.
    ${events} =    Get Frames    connection=tab    type=event
    ${came} =    Evaluate    {e.json['payload']['event_id']: e.json['payload'] for e in reversed($events)}
    VAR    ${told}    ${{ [(-event['priority'], event['data']['body']) for event in reversed($came.values())] }}
    Should Be True    len($told) >= len($WAITING)    of ${{ len($WAITING) }} events that wait only ${{ len($told) }} came
    RETURN    ${told}

The Tab Acknowledges Every Event
    [Documentation]    Each event is acknowledged, and REST shows that none waits any more.
    ${events} =    Get Frames    connection=tab    type=event
    FOR    ${event}    IN    @{events}
        VAR    &{payload}    event_id=${event.json}[payload][event_id]
        VAR    &{frame}    type=event.ack    payload=${payload}
        Send Json    ${frame}    tab
    END
    Wait Until Keyword Succeeds    5s    50ms    No Notification Waits

No Notification Waits
    [Documentation]    REST lists no notification of the user.
    ${response} =    Get From    backend    /api/notifications    ${ACCESS_TOKEN}
    Should Be Empty    ${response.json()}[notifications]    notifications wait that were acknowledged

Nothing Waits For The Tab
    [Documentation]    The next event of the tab is one that has just been made: those before it were done with.
    Notifications Wait    0
    Events Come By Urgency After The Replay

Preferences Conversation And State Change Elsewhere
    [Documentation]    Preferences are written and the conversation is renamed through frontend while the tab is away.
    Put At    frontend    /api/preferences    ${{ {'theme': 'dark'} }}    ${ACCESS_TOKEN}    If-Match="0"
    VAR    ${path}    /api/conversations/${CONVERSATION}
    ${current} =    Get From    frontend    ${path}    ${ACCESS_TOKEN}
    Patch At    frontend    ${path}    ${{ {'title': 'Renamed'} }}    ${ACCESS_TOKEN}    If-Match=${current.headers}[ETag]

The Tab Is Told What Has Changed
    [Documentation]    The events of both changes come, after ``resumed``, and what they say is what the doors show.
    ${preferences} =    Wait For Json    connection=tab    type=event    payload.kind=preferences.updated
    ${renamed} =    Wait For Json    connection=tab    type=event    payload.data.conversation.title=Renamed
    ${shown} =    Get From    frontend    /api/preferences    ${ACCESS_TOKEN}
    Should Be Equal    ${preferences}[payload][data][preferences]    ${shown.json()}    the tab is told of other preferences
    ${shown} =    Get From    frontend    /api/conversations/${CONVERSATION}    ${ACCESS_TOKEN}
    Should Be Equal    ${renamed}[payload][data][conversation]    ${shown.json()}    the tab is told of another conversation

A Newer Socket Of The Tab Is Registered Unheard
    [Documentation]    The main database knows of a newer socket of the tab; no ring has told the replica that serves the old one.
    VAR    ${of_the_tab}    client_id = '${CLIENT_ID}'
    Execute Sql String    UPDATE socket_clients SET generation = generation + 1 WHERE ${of_the_tab}    alias=main

The Old Socket Tries To Change The State And Is Closed
    [Documentation]    The old socket writes over the version that it knows, and is told soon that it has been replaced.
    VAR    &{late}    base_version=${STATE_VERSION}    document=${{ {'thread': 'of the replaced socket'} }}
    VAR    &{frame}    type=state.update    id=late    payload=${late}
    Send Json    ${frame}    tab
    Open Socket Was Closed With    4009    tab    within=10s

The Newer Socket Finds The State As It Was And Changes It
    [Documentation]    The replaced socket's write was not taken; the newer one's, over the same version, is.
    The Tab Opens    ${BACKEND_2_SOCKET_URL}
    ${found} =    Ask The Socket    tab    state.get    state
    Should Be Equal    ${found}[document]    ${STATE}    a socket that had been replaced wrote the state
    The Tab Keeps A State    step=${STATE_VERSION + 1}

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
    Check Row Count    ${has_left}    ==    1    alias=main    retry_timeout=10s    retry_pause=20ms

The Window Has Passed
    [Documentation]    The tab, whose leaving the platform has written down, was last seen longer ago than the platform keeps a stream.
    ${window} =    Limit Of The Platform    resume_window
    VAR    ${of_the_tab}    client_id = '${CLIENT_ID}'
    Execute Sql String    UPDATE socket_clients SET last_seen = now() - interval '${window + 1} seconds' WHERE ${of_the_tab}    alias=main

The Log Was Begun Anew
    [Documentation]    The conversation's log has a new epoch, as after a trim or a restore from a backup.
    Execute Sql String    UPDATE conversations SET epoch = 'anew' WHERE id = '${CONVERSATION}'    alias=main

The Tab Is Told It Has Not Recovered
    [Documentation]    The tab comes back from what it held as it left: ``recovered`` is false with this reason, and nothing was replayed,
    ...    not even in part.
    [Arguments]    ${reason}
    The Tab Opens    ${BACKEND_2_SOCKET_URL}
    ${resumed} =    Resume    ${CLIENT_ID}    ${HELD}    tab
    VAR    ${told}    ${{ [$resumed['recovered'], $resumed['reason'], $resumed['replayed']] }}
    Should Be Equal    ${told}    ${{ [False, $reason, 0] }}    the loss is not declared (recovered, reason, replayed)
    ${batches} =    Get Frames    connection=tab    type=message.batch
    Should Be Empty    ${batches}    a part was replayed of what cannot be replayed
    VAR    ${DECLARED}    ${resumed}[positions][${CONVERSATION}]    scope=TEST

The Rest Is There Over REST And Goes On Live
    [Documentation]    Up to the head that ``resumed`` named, REST has the whole log, as the main database holds it; what comes then comes
    ...    live.
    ${read} =    The Log Over REST
    Import Stored Messages    ${read}    source=tab    key=${CONVERSATION}
    Somebody Else Says    The first after the loss
    ${heard} =    Hear    The first after the loss    tab
    Should Be Equal    ${heard}[seq]    ${DECLARED['seq'] + 1}    live does not follow the head that resumed named
    Nothing Was Lost On The Way    rows=${DECLARED['seq'] + 1}

The Log Over REST
    [Documentation]    All messages of the conversation up to the head that ``resumed`` named, page by page through frontend.
    VAR    @{read}    @{EMPTY}
    WHILE    len($read) < $DECLARED['seq']    limit=30
        VAR    ${path}    /api/conversations/${CONVERSATION}/messages?after=${{ len($read) }}&limit=1000
        ${page} =    Get From    frontend    ${path}    ${ACCESS_TOKEN}
        Should Be Equal    ${page.json()}[epoch]    ${DECLARED}[epoch]    REST shows another log than resumed named
        Should Not Be Empty    ${page.json()}[messages]    REST lacks what was not replayed
        VAR    @{read}    @{read}    @{page.json()}[messages]
    END
    RETURN    ${read}
