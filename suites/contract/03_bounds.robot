*** Settings ***
Documentation       Bounds and times that the platform declares, from both sides: what keeps within them is left alone, what goes beyond
...                 them is reported, and nothing stays unanswered.
...                 Sources: docs/protocol.md §3.2 (quotas) and §4 (bounds of /api/capabilities, ``event_resend``, 4003, 4008, dead peers,
...                 ``unavailable``, attempts of an answer); RFC 6455 §5.5.2 (pings).
Library             BudgetLibrary
Resource            contract.resource
Resource            sync.resource
Suite Setup         Open Private Platform    backends=2    proxies=auth->backend    ANSWER_LEASE=2    RATE_LIMIT=${LIMIT}
...                     instance_env=${{ {'backend-2': $SECOND} }}
Suite Teardown      Leave Platform
Test Teardown       Run Keywords    Heal All    AND    Make Database Accept Everything    AND    Drop Connections
...                     AND    Close All Connections
Test Tags           contract    p1    needs:ws    needs:replicas.2


*** Variables ***
${LIMIT}                60
&{SECOND}               MAX_REPLAY=50    EVENT_RESEND=0.5    CHUNK_DELAY=0.2    PING_INTERVAL=0.5    PING_TIMEOUT=3
${LONG_QUESTION}        ${{ 'Tell me all of it, from the beginning. ' * 8 }}
${TOO_SLOW}             socket_closes_total{code="4008"}


*** Test Cases ***
One Message Over The Replay Limit Is Declared
    [Tags]    id:CT-13    req:R02    proto:4.80    needs:ws.resume    needs:db.main
    Open Tab And Second Device
    Tab Should Recover Missed Messages    50
    Tab Should Have Missed Too Many    51
    Rest Should Be There Over REST

The Replay Limit Counts All Conversations Together
    [Tags]    id:CT-14    req:R02    proto:4.80    needs:ws.resume    needs:db.main
    Open Tab And Second Device    in_conversations=2
    Tab Should Recover Missed Messages    25
    Tab Should Have Missed Too Many    26

An Event Is Sent Again Until It Is Acknowledged
    [Tags]    id:CT-15    req:R03    req:R07    proto:4.57    proto:R3.12
    Open Bulk User Sockets At Every Endpoint
    ${first} =    Notify    again and again
    Event Should Arrive Repeatedly    ${first}    user at backend-2    3
    Acknowledge    ${first}    user at backend-2
    Ask Socket    user at backend-2    ping    pong
    ${from} =    Get Journal Position    user at backend-2
    ${second} =    Notify    a clock for the first
    Event Should Arrive Repeatedly    ${second}    user at backend-2    3
    Event Should Not Arrive Again    ${first}    user at backend-2    ${from}

An Event Under Acknowledgement Is Not Sent Again
    [Tags]    id:CT-16    req:R03    req:R07    needs:db.main
    Open Bulk User Sockets At Every Endpoint
    ${first} =    Notify    once
    Event Should Arrive Repeatedly    ${first}    user at backend-2    1
    Block Writes Of Acknowledgements
    Acknowledge    ${first}    user at backend-2
    Ask Socket    user at backend-2    ping    pong
    ${from} =    Get Journal Position    user at backend-2
    ${second} =    Notify    a clock for the first
    Event Should Arrive Repeatedly    ${second}    user at backend-2    3
    Event Should Not Arrive Again    ${first}    user at backend-2    ${from}

A Socket That Reads Everything Is Never Too Slow
    [Tags]    id:CT-17    req:R02    req:R10
    Sign In New User
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Socket Should Receive Pongs    700
    Connection Should Be Open    socket
    Get Socket User

A Socket With Too Many Bytes Waiting Is Closed
    [Tags]    id:CT-18    req:R02    req:R10    proto:4.115
    Sign In New User
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    ${before} =    Get Service Metric    backend-1    ${TOO_SLOW}
    Pause Reading    socket
    Send Many Bytes    900
    Get Service Metric    backend-1    ${TOO_SLOW}    ==    ${before + 1}    within=15s

A Message Needs At Least One Byte
    [Tags]    id:CT-19    req:R07    req:C02.3
    Open Tab In Conversation
    Send Chat Message    .    tab
    Receive Chat Message    .    tab
    Socket Should Answer With Error    tab    message.send    invalid_frame    conversation_id=${CONVERSATION}    client_msg_id=none
    ...    body=${EMPTY}

An Error Names What Is Wrong With A Frame
    [Tags]    id:CT-20    req:C02.3    req:R07
    [Setup]    Sign In New User
    [Template]    Error Should Name Frame Flaw
    type               ${{ {'type': 7} }}
    payload            ${{ {'type': 'ping', 'payload': []} }}
    conversation_id    ${{ {'type': 'subscribe', 'payload': {'conversation_id': 7}} }}
    conversation_id    ${{ {'type': 'unsubscribe', 'payload': {'conversation_id': 'not-a-uuid'}} }}
    base_version       ${{ {'type': 'state.update', 'payload': {'base_version': -1, 'document': {}}} }}
    base_version       ${{ {'type': 'state.update', 'payload': {'base_version': True, 'document': {}}} }}
    document           ${{ {'type': 'state.update', 'payload': {'base_version': 0, 'document': []}} }}
    client_id          ${{ {'type': 'resume', 'payload': {'client_id': 'not-a-uuid', 'positions': {}}} }}
    positions          ${{ {'type': 'resume', 'payload': {'client_id': $USER.id, 'positions': []}} }}
    seq                ${{ {'type': 'resume', 'payload': {'client_id': $USER.id, 'positions': {$USER.id: {'epoch': 'e', 'seq': -1}}}} }}

A Message That The Database Refuses May Be Repeated
    [Tags]    id:CT-21    req:R07    req:S06    proto:4.85    proto:R1.11    needs:db.main
    Open Tab In Conversation
    Make Database Refuse    Not now
    Tab Should Receive Refusal To Store    Not now    refused-1
    REST Should Refuse Unstorable Message    Not now
    Make Database Accept Everything
    ${ack} =    Send Chat Message    Not now    tab    client_msg_id=refused-2
    Should Be Equal    ${{ ($ack['seq'], $ack['duplicate']) }}    ${{ (1, False) }}    a message that was refused is there all the same
    Tabs Should Have Received Everything    rows=1

A Message That Cannot Be Stored Is Refused Alone
    [Tags]    id:CT-22    req:R07
    Open Tab In Conversation
    Socket Should Answer With Error    tab    message.send    invalid_frame    conversation_id=${CONVERSATION}    client_msg_id=nul
    ...    body=${{ 'nul \x00' }}
    Send Chat Message    After it    tab
    Receive Chat Message    After it    tab

A Revocation Closes Sockets While Auth Cannot Reach Backend
    [Tags]    id:CT-23    req:C07.3    req:C04.3    req:S04    proto:4.111    proto:4.112    sec:S03    needs:net.faults    needs:redis
    ...       needs:db.auth
    Open Bulk User Sockets At Every Endpoint
    Cut Connection    auth->backend
    Log Out
    Every Socket Should Close As Revoked
    Backend Should Have Received No Revocation

Only A Peer That Answers No Ping Is Dropped
    [Tags]    id:CT-24    req:R01    req:R10    req:S06    proto:4.113
    Sign In New User
    Open Chat Socket    idle    url=${BACKEND_2_SOCKET_URL}
    Open Deaf Socket    ${BACKEND_2_SOCKET_URL}
    Wait Until Socket Count Is    backend-2    1
    Get Socket User    idle

An Answer Longer Than Its Lease Is Given Once
    [Tags]    id:CT-25    req:R04    proto:4.50    needs:assistant    needs:db.main
    Open Tab In Conversation    ${BACKEND_2_SOCKET_URL}    assistant=True
    Open Chat Socket    elsewhere    url=${BACKEND_SOCKET_URL}
    Subscribe    elsewhere
    Send Chat Message    ${LONG_QUESTION}    tab
    Lease Should Be Renewed During Answer    256
    Whole Answer Should Come In One Attempt    ${LONG_QUESTION}    tab    elsewhere
    No Answer Should Be Pending

A Burst On A Socket Is Counted Exactly
    [Tags]    id:CT-26    req:C08.1    req:C08.4    needs:ratelimit
    Sign In New User
    Start Conversation
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Send Acknowledged Burst    20
    Every Endpoint Should Report Used Quota    22    ${LIMIT}

The Metric Of Resumes Reports Their Real Duration
    [Tags]    id:CT-27    req:R09    needs:ws.resume    needs:db.main
    Open Tab And Second Device
    Close Connection    tab
    Send From Device    3
    ${before} =    Get Service Metric    backend-1    socket_resume_seconds_sum
    Block Message Reads
    Begin Resume Of Tab
    Wait Until Statement Has Waited For    300
    Reported Resume Time Should Be    ${before}    0.3

A Stop Logs Cut Requests As Warnings
    [Documentation]    The service is not at fault when a request takes longer than an orderly stop waits.
    [Tags]    id:CT-220    req:P07    proto:1.46    needs:control.restart    needs:control.logs    needs:db.auth    needs:db.main
    Sign In New User
    Hold In Transaction    auth_users    ACCESS EXCLUSIVE    ${AUTH_DB_URL}
    Start Probe    waiting    ${AUTH_URL}/users/me    ${ACCESS_TOKEN}    method=PATCH    json=${{ {"name": "Late"} }}
    Wait Until Keyword Passes    15s    Check Row Count    ${WAITING_FOR_ME}    >=    1    alias=auth
    ${before} =    Get Service Log    auth
    Stop Service    auth
    ${log} =    Get Service Log    auth
    Stop Should Be Logged As Warning    ${{ $log.removeprefix($before) }}
    [Teardown]    Run Keywords    Make Database Accept Everything    AND    Start Service    auth    AND    Stop Probe    waiting
    ...    AND    Close All Connections


*** Keywords ***
Stop Should Be Logged As Warning
    [Documentation]    In this part of a log a line or more say what the stop has cut off, as warnings, and none is an error.
    [Arguments]    ${log}
    ${lines} =    Evaluate    list(map(json.loads, $log.splitlines()))
    ${errors} =    Evaluate    [line['event'] for line in $lines if line['level'] == 'error']
    Should Be Empty    ${errors}    errors in the log of a service whose stop cut a request off: ${errors}
    ${cut} =    Evaluate    [line['event'] for line in $lines if line.get('code') == 'cut_off_by_stop']
    Should Not Be Empty    ${cut}    no line says what the stop cut off

Socket Should Receive Pongs
    [Documentation]    So many pings of 60,000 bytes are answered on a socket, a hundred at a time, which reads all the while.
    [Arguments]    ${count: int}
    VAR    @{socket}    socket
    FOR    ${_}    IN RANGE    ${count // 100}
        Send Many Bytes    100
        Collect On All    100    ${socket}    where=type=pong    within=30s
    END

Error Should Name Frame Flaw
    [Documentation]    On a new socket, since three such frames close one: ``invalid_frame``, whose ``detail`` names what is wrong.
    [Arguments]    ${named}    ${frame}
    Close All Connections
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Send Json    ${frame}    socket
    ${error} =    Wait For Json    connection=socket    type=error
    Should Be Equal    ${error}[payload][code]    invalid_frame    the error to ${frame}
    Should Match Regexp    ${{ str($error['payload']['detail']) }}    \\b${named}\\b    the error to ${frame} does not name what is wrong

Make Database Refuse
    [Documentation]    The main database takes no message with this body from now on, as a full disk or a new constraint would have it.
    [Arguments]    ${body}
    Execute Sql String    ALTER TABLE messages ADD CONSTRAINT refused CHECK (body <> '${body}') NOT VALID    alias=main

Tab Should Receive Refusal To Store
    [Documentation]    A message is answered with ``error`` ``unavailable``, which may be tried again.
    [Arguments]    ${body}    ${client_msg_id}
    VAR    &{payload}    conversation_id=${CONVERSATION}    client_msg_id=${client_msg_id}    body=${body}
    VAR    &{frame}    type=message.send    id=${client_msg_id}    payload=${payload}
    Send Json    ${frame}    tab
    Run Case    a message that could not be stored was never answered    Wait For Json    connection=tab    id=${client_msg_id}
    ...    within=10s
    ${answers} =    Get Frames    connection=tab    id=${client_msg_id}
    VAR    ${answer}    ${answers[0].json}
    VAR    ${reported}    ${{ [$answer['type'], $answer['payload'].get('code'), $answer['payload'].get('retryable')] }}
    Should Be Equal    ${reported}    ${{ ['error', 'unavailable', True] }}    the answer to a message that could not be stored

REST Should Refuse Unstorable Message
    [Documentation]    A message is answered with 503 ``database_unavailable``.
    [Arguments]    ${body}
    ${response} =    Post To    backend    /api/conversations/${CONVERSATION}/messages    ${{ {'body': $body} }}    ${ACCESS_TOKEN}
    ...    status=503
    Answer Should Be Problem    ${response}    database_unavailable

Backend Should Have Received No Revocation
    [Documentation]    What auth has to report the user waits in its outbox.
    ${events} =    Query    SELECT 1 FROM outbox WHERE delivered_at IS NULL AND user_id = %s    alias=auth
    ...    parameters=${{ [$USER.id] }}
    Should Not Be Empty    ${events}    backend was notified although nothing passes from auth to it: nothing is proved

Whole Answer Should Come In One Attempt
    [Documentation]    The assistant's answer to this comes to these sockets, piece by piece without a gap, and is never begun again.
    [Arguments]    ${question}    @{aliases}
    VAR    ${body}    You said: ${question}
    FOR    ${alias}    IN    @{aliases}
        Wait For Json    connection=${alias}    where=type == 'message' and payload.role == 'assistant'    within=30s
        ${pieces} =    Get Frames    connection=${alias}    type=message.chunk
        VAR    ${attempts}    ${{ sorted({piece.json['payload']['attempt'] for piece in $pieces}) }}
        Should Be Equal    ${attempts}    ${{ [1] }}    the attempts at one answer that ${alias} was shown
        Should Be Equal    ${{ ''.join(piece.json['payload']['text'] for piece in $pieces) }}    ${body}
        ...    the pieces of the answer that ${alias} was shown
    END

Lease Should Be Renewed During Answer
    [Documentation]    When the tab has been shown this piece, which comes later than the lease's time after the first one, no replica has
    ...    taken the answer up a second time: neither one that is still at it nor one that has given it already.
    [Arguments]    ${offset: int}
    Wait For Json    connection=tab    type=message.chunk    payload.offset=${offset}    within=20s
    ${rows} =    Query    SELECT attempt FROM answers WHERE conversation_id = %s    alias=main    parameters=${{ [$CONVERSATION] }}
    ${pieces} =    Get Frames    connection=tab    type=message.chunk
    VAR    ${attempts}    ${{ sorted({row[0] for row in $rows} | {piece.json['payload']['attempt'] for piece in $pieces}) }}
    Should Be Equal    ${attempts}    ${{ [1] }}    the attempts at an answer whose first one is still under way

No Answer Should Be Pending
    [Documentation]    The main database comes to have no answer of the conversation that is to be given.
    Wait Until Keyword Passes    5s    Check Row Count
    ...    SELECT 1 FROM answers WHERE conversation_id = '${CONVERSATION}'    ==    0    alias=main
    ...    assertion_message=an answer that was given is still owed, and will be given again

Send Acknowledged Burst
    [Documentation]    So many messages of the user on one socket, at once.
    [Arguments]    ${count: int}
    VAR    @{bursting}    socket
    VAR    @{into}    ${CONVERSATION}
    Send On All    ${NUMBERED_FRAME}    ${bursting}    times=${count}    conversation=${into}
    Collect On All    ${count}    ${bursting}    where=type=ack    within=30s
    VAR    ${ASKED}    ${0}    scope=TEST

Every Endpoint Should Report Used Quota
    [Documentation]    So much of this quota, beside what these questions cost themselves.
    [Arguments]    ${used: int}    ${limit: int}
    Wait Until Keyword Passes    5s    Every Endpoint Should Report Used Quota Now    ${used}    ${limit}

Every Endpoint Should Report Used Quota Now
    [Documentation]    One more request; the answer says how much is left.
    [Arguments]    ${used}    ${limit}
    VAR    ${ASKED}    ${ASKED + 1}    scope=TEST
    ${response} =    Get From    backend-2    /api/me    ${ACCESS_TOKEN}
    ${left} =    Evaluate    int(re.search(r'r=(\\d+)', $response.headers['RateLimit'])[1])
    Should Be Equal As Integers    ${{ $limit - $left - $ASKED }}    ${used}
    ...    what a conversation, a handshake and a burst cost of the quota

Block Message Reads
    [Documentation]    A transaction has the table of messages to itself, until `Make Database Accept Everything`.
    Hold In Transaction    messages    ACCESS EXCLUSIVE

Block Writes Of Acknowledgements
    [Documentation]    A transaction lets events and their acknowledgements be read and no acknowledgement be written, until
    ...    `Make Database Accept Everything`.
    Hold In Transaction    notification_acks    EXCLUSIVE

Begin Resume Of Tab
    [Documentation]    The tab opens at the first replica and sends its ``resume`` from what it holds. Sets ``ASKED_AT``, taken before it is
    ...    sent: the journal has the time after that, when the replica may have begun.
    ${held} =    Get Positions Of Tab
    Open Own Tab
    VAR    &{coming}    client_id=${CLIENT_ID}    positions=${held}
    VAR    &{frame}    type=resume    id=coming    payload=${coming}
    VAR    ${ASKED_AT}    ${{ time.monotonic() }}    scope=TEST
    Send Json    ${frame}    tab

Wait Until Statement Has Waited For
    [Documentation]    Comes true when a statement has waited for the lock so long; then the lock is let go.
    [Arguments]    ${milliseconds: int}
    Wait Until Keyword Passes    15s    Check Row Count
    ...    ${WAITING_FOR_ME} AND clock_timestamp() - query_start > interval '${milliseconds} ms'    >=    1    alias=main
    Disconnect From Database    alias=holder

Reported Resume Time Should Be
    [Documentation]    Since it was ``before``, the sum of the first replica's durations has grown by at least so much, and by no more than
    ...    the tab waited.
    [Arguments]    ${before}    ${least: float}
    Wait For Json    connection=tab    type=resumed    within=15s
    ${after} =    Get Service Metric    backend-1    socket_resume_seconds_sum
    ${answered} =    Get Frames    connection=tab    type=resumed
    VAR    ${waited}    ${{ $answered[0].at - $ASKED_AT }}
    VAR    ${reported}    ${{ $after - $before }}
    Should Be True    ${least} <= $reported <= $waited
    ...    the replica says that a resume took ${reported} s, which was held up for ${least} s and for which the tab waited ${waited} s

Open Deaf Socket
    [Documentation]    A socket that answers no ping, as after its peer's death.
    [Arguments]    ${url}
    Open Connection    ${url}    alias=deaf    token=${ACCESS_TOKEN}    subprotocols=${SUBPROTOCOLS}    auto_pong=False
    Wait For Json    connection=deaf    type=welcome

Wait Until Socket Count Is
    [Documentation]    A replica comes to have so many open sockets.
    [Arguments]    ${replica}    ${count: int}
    Get Service Metric    ${replica}    sockets_open    ==    ${count}    within=15s

Tab Should Recover Missed Messages
    [Documentation]    While the tab is away, the device sends so many messages in each conversation; the tab is replayed all of them.
    [Arguments]    ${count: int}
    Close Connection    tab
    Send From Device    ${count}
    Reconnect Tab    missed=${{ $count * len($CONVERSATIONS) }}

Tab Should Have Missed Too Many
    [Documentation]    While the tab is away, the device sends so many messages in each conversation; the tab is notified that they are too
    ...    many.
    [Arguments]    ${count: int}
    ${held} =    Get Positions Of Tab
    VAR    ${HELD}    ${held}    scope=TEST
    Close Connection    tab
    Send From Device    ${count}
    Tab Should Not Recover For    too_many_missed

Event Should Arrive Repeatedly
    [Documentation]    An event comes to a socket at least so many times, each time as it was.
    [Arguments]    ${event_id}    ${alias}    ${count: int}
    VAR    &{wanted}    type=event    payload.event_id=${event_id}
    Count Frames    >=    ${count}    an event that nobody acknowledged was not sent again    where=${wanted}    connection=${alias}
    ...    within=10s
    ${frames} =    Get Frames    connection=${alias}    where=${wanted}
    Length Should Be    ${{ {frame.text for frame in $frames} }}    1    an event reads otherwise when it is sent again

Event Should Not Arrive Again
    [Documentation]    Since this place in its journal a socket was not sent an event again.
    [Arguments]    ${event_id}    ${alias}    ${position}
    ${late} =    Get Frames    connection=${alias}    type=event    payload.event_id=${event_id}    since=${position}
    Should Be Empty    ${late}    an event was sent again ${{ len($late) }} times after it had been acknowledged

Send Many Bytes
    [Documentation]    Sends so many pings of 60,000 bytes each on a socket and waits for no answer.
    [Arguments]    ${count: int}
    VAR    @{socket}    socket
    VAR    &{payload}    weight=${{ '.' * 60_000 }}
    VAR    &{frame}    type=ping    id={uuid}    payload=${payload}
    Send On All    ${frame}    ${socket}    times=${count}

Make Database Accept Everything
    [Documentation]    Ends what `Make Database Refuse`, `Block Message Reads` and `Block Writes Of Acknowledgements` began.
    Disconnect From Database    alias=holder
    Execute Sql String    ALTER TABLE messages DROP CONSTRAINT IF EXISTS refused    alias=main

Open Bulk User Sockets At Every Endpoint
    [Documentation]    A new user is online at each replica and at frontend.
    ${users} =    Create Load Users    1
    VAR    ${USER}    ${users}[0]    scope=TEST
    VAR    ${ACCESS_TOKEN}    ${USER.access_token}    scope=TEST
    Open Sockets At Every Endpoint

Hold In Transaction
    [Documentation]    A lock of this mode on a table, until `Make Database Accept Everything`.
    [Arguments]    ${table}    ${mode}    ${url}=${MAIN_DB_URL}
    Open Database    holder    ${url}
    Execute Sql String    LOCK TABLE ${table} IN ${mode} MODE    alias=holder    no_transaction=True
