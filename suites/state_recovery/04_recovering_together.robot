*** Settings ***
Documentation       Many come back at once, each with a log of their own, within a budget, without an error and without a trace in the
...                 services; of several sockets for one session one wins, and what the services count is what the clients saw. Sources:
...                 docs/protocol.md §4 (resume, 4009), requirement R10 (50 clients, 100 messages each, < 5 s, < 10 MB); judged by the
...                 recorded history.
Library             BudgetLibrary
Resource            recovery.resource
Suite Setup         Open Private Platform    backends=2
Suite Teardown      Leave Platform
Test Teardown       Run Keywords    Drop Connections    AND    Close All Connections    AND    Restore Both Replicas
Test Tags           state-recovery    p0    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Variables ***
&{MESSAGE}      conversation_id={conversation}    client_msg_id={uuid}    body=message {n} from {alias}
&{SEND}         type=message.send    id=n-{n}    payload=${MESSAGE}
&{CHOICE}       conversation_id={conversation}
&{SUBSCRIBE}    type=subscribe    id=subscribe    payload=${CHOICE}
&{TELEMETRY}    recovered=socket_resumes_total{outcome="recovered"}    epoch_changed=socket_resumes_total{outcome="epoch_changed"}
...             unknown_client=socket_resumes_total{outcome="unknown_client"}    all=socket_resumes_total
...             replayed=socket_replayed_messages_total    measured=socket_resume_seconds_count    seconds=socket_resume_seconds_sum


*** Test Cases ***
Five Devices Of One User Recover The Same
    [Tags]    id:R05-01    req:R05    proto:R1.06    needs:control.kill
    Open Clients Of Load Users    1    devices=5
    Kill Service    backend-1
    Drop Connections
    Start Service    backend-1
    Store Messages For Every Client    50
    Reconnect Every Client At Once
    Every Client Should Have Recovered    50
    Every Client Should Go On
    Tabs Should Have Received Everything    52    @{BACK}

One Of Two Sockets Claiming A Session Wins
    [Tags]    id:R05-02    req:R05    proto:R3.08
    Open Tab With State
    Close Connection    tab
    Repeat Keyword    5 times    One Handshake Should Win    2
    Repeat Keyword    5 times    One Resume Should Win    2

One Of Ten Sockets Claiming A Session Wins
    [Tags]    id:R05-03    req:R05    proto:4.107
    Open Tab With State
    Close Connection    tab
    Repeat Keyword    2 times    One Handshake Should Win    10
    Repeat Keyword    2 times    One Resume Should Win    10

Metrics Of Recoveries Agree With The Clients
    [Tags]    id:R09-01    req:R09    proto:R5.03
    Open Clients Of Load Users    12
    Drop Connections
    Store Messages For Every Client    7
    Read Telemetry
    Make Seven Clients Unable To Recover
    Reconnect Every Client At Once
    Telemetry Should Agree With Clients    recovered=5    epoch_changed=4    unknown_client=3

Refused Subscriptions Leave Nothing Behind
    [Tags]    id:R09-02    req:R09    proto:4.77
    Sign In New User
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Repeat Keyword    20 times    Unknown Conversation Should Be Refused
    Close All Connections
    No Client Should Be Connected

Fifty Clients Recover At Once Within The Budget
    [Tags]    id:R10-01    req:R10    part:recovery    req:R09    proto:R5.01
    Open Clients Of Load Users    50
    Drop Connections
    Store Messages For Every Client    100
    Read Telemetry
    Reconnect Every Client At Once
    Every Client Should Have Recovered    100
    Recovery Should Be Within Budget    100
    Telemetry Should Agree With Clients    recovered=50
    Every Client Should Go On
    Tabs Should Have Received Everything    ${{ 50 * 102 }}    @{BACK}

Recoveries Of Fifty Clients Leave Nothing Behind
    [Tags]    id:R10-02    req:R10    part:resources    proto:R5.02    needs:control.kill
    Open Clients Of Load Users    50
    Make Fifty Clients Come And Go    2 times
    Remember Service Totals
    Start Memory Watch    backend-1    backend-2
    Make Fifty Clients Come And Go    2 times
    ${seen} =    Stop Memory Watch
    Memory Growth Should Be Within Budget    ${seen}
    Services Should Hold No More Than Before


*** Keywords ***
Restore Both Replicas
    [Documentation]    After a failure: starts what a test may have left dead.
    Run Keyword If Test Failed    Run Keyword And Ignore Error    Start Service    backend-1

Open Clients Of Load Users
    [Documentation]    So many users with a conversation each, whose one message all of their devices, spread over both replicas, have
    ...    received: sets ``RECEIVED``, its seq, ``CLIENTS``, ``EPOCHS``, and ``TOKENS`` and ``CONVERSATIONS`` with an entry for
    ...    each device.
    [Arguments]    ${count: int}    ${devices: int}=1
    VAR    ${RECEIVED}    ${1}    scope=TEST
    Create Load Users With Conversations    ${count}    assistant=${False}
    VAR    @{TOKENS}    @{{ $TOKENS * $devices }}    scope=TEST
    VAR    @{CONVERSATIONS}    @{{ $CONVERSATIONS * $devices }}    scope=TEST
    Every Client Should Receive First Message    ${count}

Every Client Should Receive First Message
    [Documentation]    A device for each of ``TOKENS``; the first of them, so many, send something: sets ``CLIENTS`` and ``EPOCHS``.
    [Arguments]    ${count}
    Open Device For Every Client    user
    VAR    @{first}    @{ALIASES[:${count}]}
    ${welcomes} =    Collect On All    1    ${ALIASES}    where=type=welcome
    Send On All    ${SUBSCRIBE}    ${ALIASES}    conversation=${CONVERSATIONS}
    Collect On All    1    ${ALIASES}    where=type=subscribed
    Send On All    ${SEND}    ${first}    conversation=${CONVERSATIONS[:${count}]}
    ${reported} =    Collect On All    1    ${ALIASES}    where=type=message    within=15s
    VAR    @{CLIENTS}    @{{ [frames[0].json['payload']['client_id'] for frames in $welcomes.values()] }}    scope=TEST
    VAR    @{EPOCHS}    @{{ [frames[0].json['payload']['epoch'] for frames in $reported.values()] }}    scope=TEST

Open Device For Every Client
    [Documentation]    A recorded socket for each of ``TOKENS``, half of them at each replica: sets ``ALIASES``.
    [Arguments]    ${name}
    VAR    ${half}    ${{ -(-len($TOKENS) // 2) }}
    ${first} =    Open Connections    ${BACKEND_SOCKET_URL}    tokens=${TOKENS[:${half}]}    alias=${name} a    subprotocols=${SUBPROTOCOLS}
    VAR    ${second}    ${{ [] }}
    IF    $half < len($TOKENS)
        ${second} =    Open Connections    ${BACKEND_2_SOCKET_URL}    tokens=${TOKENS[${half}:]}    alias=${name} b
        ...    subprotocols=${SUBPROTOCOLS}
    END
    VAR    @{ALIASES}    @{first}    @{second}    scope=TEST

Record Every Client
    [Documentation]    Sets ``BACK`` to the sockets that are open now: they are recorded, and each may see the conversation that it is
    ...    for, and no other.
    VAR    @{BACK}    @{ALIASES}    scope=TEST
    Record Socket    @{BACK}
    FOR    ${alias}    ${conversation}    IN ZIP    ${BACK}    ${CONVERSATIONS}    mode=STRICT
        Allow Client To See    ${alias}    ${conversation}
    END

Store Messages For Every Client
    [Documentation]    In each conversation so many messages are stored by another device of its user, and acknowledged, while its own are
    ...    away.
    [Arguments]    ${count: int}
    VAR    ${writers}    ${{ list(dict(zip($CONVERSATIONS, $TOKENS)).values()) }}
    VAR    ${logs}    ${{ list(dict.fromkeys($CONVERSATIONS)) }}
    ${devices} =    Open Connections    ${BACKEND_2_SOCKET_URL}    tokens=${writers}    alias=writer    subprotocols=${SUBPROTOCOLS}
    Record Socket    @{devices}
    Send On All    ${SEND}    ${devices}    times=${count}    conversation=${logs}
    Collect On All    ${count}    ${devices}    where=type=ack    within=30s
    Drop Connections    ${devices}

Reconnect Every Client At Once
    [Documentation]    New sockets for all, half of them at each replica, each of which resumes its client's stream after the first
    ...    message: sets ``BACK`` and ``RESUMED``, and ``SECONDS`` from the first handshake to the last ``resumed``.
    VAR    &{coming}    client_id={client}    positions=${{ {'{conversation}': {'epoch': '{epoch}', 'seq': $RECEIVED}} }}
    VAR    &{frame}    type=resume    id=resume    payload=${coming}
    Start Budget    coming back
    Open Device For Every Client    back
    Send On All    ${frame}    ${ALIASES}    client=${CLIENTS}    conversation=${CONVERSATIONS}    epoch=${EPOCHS}
    ${resumed} =    Collect On All    1    ${ALIASES}    where=type=resumed    within=30s
    ${seconds} =    Get Used Budget    coming back
    VAR    ${SECONDS}    ${seconds}    scope=TEST
    VAR    @{RESUMED}    @{{ [frames[0].json['payload'] for frames in $resumed.values()] }}    scope=TEST
    Record Every Client

Record Recovery
    [Documentation]    How long it took, how many of the messages that waited for each client came, and how many had no error.
    [Arguments]    ${count: int}
    Record Figure    R10 fifty clients recovered    ${SECONDS}    s
    Record Figure    R10 messages replayed    ${{ sum(resumed['replayed'] for resumed in $RESUMED) }}
    Record Figure    R10 messages missed    ${{ $count * len($BACK) }}
    VAR    ${well}    ${0}
    FOR    ${alias}    IN    @{BACK}
        ${errors} =    Count Frames    where=type=error    connection=${alias}
        IF    not $errors    VAR    ${well}    ${well + 1}
    END
    Record Figure    R10 clients without an error    ${well}
    Record Figure    R10 clients    ${{ len($BACK) }}

Every Client Should Have Recovered
    [Documentation]    Each stream is recovered with so many messages; nobody was notified of an error, and every socket is open.
    [Arguments]    ${count: int}
    FOR    ${alias}    ${resumed}    IN ZIP    ${BACK}    ${RESUMED}    mode=STRICT
        Should Be Equal    ${{ [$resumed['recovered'], $resumed['replayed']] }}    ${{ [True, $count] }}
        ...    ${alias} was not recovered with its messages (recovered, replayed)
        Count Frames    ==    ${0}    where=type=error    connection=${alias}
        Connection Should Be Open    ${alias}
    END

Every Client Should Go On
    [Documentation]    In each conversation one more message is sent by a device that came back, and received by all of its user's.
    VAR    ${speakers}    ${{ dict(zip($CONVERSATIONS, $BACK)) }}
    Send On All    ${SEND}    ${{ list($speakers.values()) }}    conversation=${{ list($speakers) }}
    Collect On All    1    ${BACK}    where=type=message    within=15s

Recovery Should Be Within Budget
    [Documentation]    From the first handshake to the last ``resumed``, by a client that shares the machine with all the rest: the
    ...    budget is what the requirement allows. The own goal, 0.3 s, is judged by ``./run bench recovery``, beside a bare server.
    ...    How long each client waited, from its own handshake on, is drawn into the log. ``count`` messages waited for each.
    [Arguments]    ${count: int}
    Record Recovery    ${count}
    Log    ${{ len($BACK) }} clients came back in ${SECONDS} s
    FOR    ${alias}    IN    @{BACK}
        ${frames} =    Get Frames    connection=${alias}    type=resumed
        Record Latency    R10 one client recovered    ${{ $frames[0].elapsed }}
    END
    Log Latencies    R10 one client recovered
    Value Should Be Within Budget    R10 fifty clients recovered    ${SECONDS}

One Handshake Should Win
    [Documentation]    So many sockets of one ``client_id`` are opened at one moment through frontend, which spreads them over the
    ...    replicas.
    [Arguments]    ${count: int}
    ${racers} =    Open Connections    ${SOCKET_URL}?client_id=${CLIENT_ID}    ${count}    tokens=${TOKENS}    alias=racer
    ...    subprotocols=${SUBPROTOCOLS}    ca_file=${CA_FILE}
    One Socket Should Win And Others Be Closed    ${racers}

One Resume Should Win
    [Documentation]    So many sockets that are open already, half of them at each replica, claim one ``client_id`` at one moment.
    [Arguments]    ${count: int}
    VAR    ${users_tokens}    ${TOKENS}
    VAR    @{TOKENS}    @{{ $TOKENS * $count }}    scope=TEST
    Open Device For Every Client    racer
    VAR    @{TOKENS}    @{users_tokens}    scope=TEST
    ${held} =    Get Positions Of Tab
    VAR    &{claim}    client_id=${CLIENT_ID}    positions=${held}
    VAR    &{frame}    type=resume    id=claim    payload=${claim}
    Send On All    ${frame}    ${ALIASES}
    One Socket Should Win And Others Be Closed    ${ALIASES}

One Socket Should Win And Others Be Closed
    [Documentation]    All but one of these sockets are eventually closed with 4009; the one left is the client, with its state, and all are
    ...    closed.
    [Arguments]    ${racers}
    ${winner} =    Wait Until Keyword Passes    10s    One Racer Should Be Left    ${racers}
    ${me} =    Get Socket User    ${winner}
    Should Be Equal    ${me}[client_id]    ${CLIENT_ID}    the socket that is left is another client
    ${found} =    Ask Socket    ${winner}    state.get    state
    Should Be Equal    ${found}[document]    ${STATE}    the socket that is left has another state
    Subscribe    ${winner}
    Send Chat Message    Won    ${winner}
    Connection Should Be Open    ${winner}    hold=100ms
    Close Connection    ${winner}

One Racer Should Be Left
    [Documentation]    One of these sockets is open, and each other one was closed with 4009; the alias of the open one.
    [Arguments]    ${racers}
    VAR    &{codes}    &{EMPTY}
    FOR    ${racer}    IN    @{racers}
        ${codes}[${racer}] =    Get Close Code    connection=${racer}
    END
    VAR    ${left}    ${{ [racer for racer, code in $codes.items() if code is None] }}
    Should Be Equal    ${{ (len($left), set($codes.values()) - {None}) }}    ${{ (1, {4009}) }}
    ...    of ${{ len($codes) }} sockets for one session (left open, close codes)
    RETURN    ${left}[0]

Read Telemetry
    [Documentation]    Sets ``READ``: what both replicas have counted of recoveries till now.
    ${telemetry} =    Get Counters
    VAR    ${READ}    ${telemetry}    scope=TEST

Get Counters
    [Documentation]    Recoveries by outcome, messages replayed, durations measured, and their sum in seconds, over both replicas.
    VAR    &{counted}    &{EMPTY}
    FOR    ${name}    ${metric}    IN    &{TELEMETRY}
        ${first} =    Get Service Metric    backend-1    ${metric}
        ${second} =    Get Service Metric    backend-2    ${metric}
        Set To Dictionary    ${counted}    ${name}=${{ $first + $second }}
    END
    RETURN    ${counted}

Make Seven Clients Unable To Recover
    [Documentation]    The first four conversations have a new epoch; the last three clients have names that nobody knows of.
    Execute Sql String    UPDATE conversations SET epoch = 'new' WHERE id::text IN ${{ tuple($CONVERSATIONS[:4]) }}    alias=main
    FOR    ${number}    IN RANGE    -3    0
        ${other_user} =    Get Random UUID
        Set List Value    ${CLIENTS}    ${number}    ${other_user}
    END

Telemetry Should Agree With Clients
    [Documentation]    Since `Read Telemetry` both replicas have counted the recoveries of the clients, by outcome, as they were notified,
    ...    and as expected; as many messages as they were replayed; and no more time than they waited for them.
    [Arguments]    &{expected}
    ${now} =    Get Counters
    VAR    ${counted}    ${{ dict(zip($READ, map(operator.sub, $now.values(), $READ.values()))) }}
    VAR    ${reported}    ${{ collections.Counter(one['reason'] or 'recovered' for one in $RESUMED) }}
    Should Be Equal    ${{ dict($reported) }}    ${{ dict(zip($expected, map(int, $expected.values()))) }}    the clients saw other outcomes
    Should Be Equal As Integers    ${counted}[all]    ${{ len($RESUMED) }}    counted recoveries of any outcome
    FOR    ${outcome}    IN    recovered    epoch_changed    unknown_client
        Should Be Equal As Integers    ${counted}[${outcome}]    ${{ $reported[$outcome] }}    counted recoveries with outcome ${outcome}
    END
    Should Be Equal As Integers    ${counted}[replayed]    ${{ sum(one['replayed'] for one in $RESUMED) }}    counted messages replayed
    Should Be Equal As Integers    ${counted}[measured]    ${{ len($RESUMED) }}    counted durations
    ${waited} =    Get Seconds That Clients Waited
    Should Be True    0 < $counted['seconds'] <= $waited    the services say ${counted}[seconds] s, and the clients waited ${waited} s

Get Seconds That Clients Waited
    [Documentation]    From the sending of each ``resume`` to its ``resumed``, of all clients together.
    VAR    ${waited}    ${0}
    FOR    ${alias}    IN    @{BACK}
        ${asked} =    Get Frames    connection=${alias}    direction=sent    type=resume
        ${answered} =    Get Frames    connection=${alias}    type=resumed
        VAR    ${waited}    ${{ $waited + $answered[0].elapsed - $asked[0].elapsed }}
    END
    RETURN    ${waited}

Make Fifty Clients Come And Go
    [Documentation]    So many times, every user is cut off, is sent a hundred messages, comes back at once, recovers, and is cut off
    ...    again.
    [Arguments]    ${times}
    Repeat Keyword    ${times}    Make Fifty Clients Come And Go Once

Make Fifty Clients Come And Go Once
    [Documentation]    One round of `Make Fifty Clients Come And Go`; the hundred messages of earlier rounds are given up, as are their
    ...    sockets.
    Drop Connections
    Store Messages For Every Client    100
    Move Logs Past What Was Received
    Reconnect Every Client At Once
    Every Client Should Have Recovered    100
    Drop Connections

Move Logs Past What Was Received
    [Documentation]    The hundred last messages of each log are those that its client has not received.
    ${rows} =    Query    SELECT min(last_seq), max(last_seq) FROM conversations WHERE id::text = ANY(%s)    alias=main
    ...    parameters=${{ [$CONVERSATIONS] }}
    Should Be Equal    ${rows}[0][0]    ${rows}[0][1]    the logs are not equally long
    VAR    ${RECEIVED}    ${{ $rows[0][0] - 100 }}    scope=TEST

Remember Service Totals
    [Documentation]    Sets ``HELD_BY_SERVICES``: open files of each replica, with nobody connected.
    No Client Should Be Connected
    ${held} =    Get Service Totals
    VAR    ${HELD_BY_SERVICES}    ${held}    scope=TEST

Unknown Conversation Should Be Refused
    [Documentation]    A subscription to a conversation that does not exist is refused.
    ${nothing} =    Get Random UUID
    ${error} =    Ask Socket    socket    subscribe    error    conversation_id=${nothing}
    Should Be Equal    ${error}[code]    not_found    the error to a subscription to an unknown conversation

No Client Should Be Connected
    [Documentation]    No replica has a socket, a subscription or an open conversation left.
    FOR    ${replica}    IN    backend-1    backend-2
        FOR    ${metric}    IN    sockets_open    socket_subscriptions    channels_open
            Get Service Metric    ${replica}    ${metric}    ==    0    within=10s
        END
    END

Get Service Totals
    [Documentation]    Open files of each replica.
    VAR    &{held}    &{EMPTY}
    FOR    ${replica}    IN    backend-1    backend-2
        ${files} =    Count Open Files    ${replica}
        Set To Dictionary    ${held}    ${replica}=${files}
    END
    RETURN    ${held}

Services Should Hold No More Than Before
    [Documentation]    With nobody connected each replica comes to have as few open files as at `Remember Service Totals`, but for
    ...    what its pool of at most eight connections to PostgreSQL may have grown by: 50 sockets have come and gone at each.
    No Client Should Be Connected
    FOR    ${replica}    ${files}    IN    &{HELD_BY_SERVICES}
        Wait Until Keyword Passes    10s    Open Files Should Be At Most    ${replica}    ${files + 10}
        ${left} =    Count Open Files    ${replica}
        Record Figure    R10 open files left at a replica    ${{ $left - $files }}
    END

Count Open Files
    [Documentation]    Descriptors that the process of a replica has open, as the kernel lists them.
    [Arguments]    ${replica}
    ${process} =    Get Process    ${replica}
    RETURN    ${{ len(os.listdir('/proc/' + str($process.pid) + '/fd')) }}

Open Files Should Be At Most
    [Documentation]    One look at the descriptors of a replica.
    [Arguments]    ${replica}    ${most}
    ${files} =    Count Open Files    ${replica}
    Should Be True    ${files} <= ${most}    ${replica} has ${files} open files, more than ${most}

Memory Growth Should Be Within Budget
    [Documentation]    What `Stop Memory Watch` saw: no replica grew by more than the requirement allows.
    [Arguments]    ${seen}
    FOR    ${replica}    ${memory}    IN    &{seen}
        Log    ${replica}: ${memory}
        Record Figure    R10 growth of a replica    ${memory.growth}    MB
        Value Should Be Within Budget    R10 memory growth of backend    ${memory.growth}
    END
