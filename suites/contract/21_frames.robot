*** Settings ***
Documentation       What the socket promises of its single frames: members, ids, sizes, words of refusals, and who may open it.
...                 Sources: RFC 6455 §7.4.1, RFC 6750 §2.1; docs/protocol.md §4.
Resource            promises.resource
Resource            notifications.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Close All Connections
Test Tags           contract    p1    needs:ws    needs:replicas.2


*** Test Cases ***
A Socket Needs One Token And No Origin
    [Tags]    id:CT-151    req:C02.1    proto:4.02    proto:4.08    proto:4.18    sec:W01
    [Setup]    Sign In Two Users
    ${welcome} =    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Should Be Equal    ${welcome}[user_id]    ${USER.id}    the user of a socket with its token in the header
    ${welcome} =    Open Socket With Two Tokens
    Should Be Equal    ${welcome}[user_id]    ${USER.id}    of two tokens the header does not count

A Socket Without A Client Id Gets One
    [Tags]    id:CT-152    req:C02.2    proto:4.17
    ${first} =    Open Chat Socket    alias=first    url=${BACKEND_SOCKET_URL}
    ${second} =    Open Chat Socket    alias=second    url=${BACKEND_SOCKET_URL}
    Should Not Be Equal    ${first}[client_id]    ${second}[client_id]    two sockets that name no client get one name
    ${me} =    Get Socket User    first
    Should Be Equal    ${me}[client_id]    ${first}[client_id]    the first socket's client

The Welcome Comes First And Answers Bear Their Id
    [Tags]    id:CT-142    req:C02.1    proto:4.23    proto:4.24    proto:4.25    proto:4.40    proto:4.41
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    First Frame Should Be Welcome    socket
    Ping Should Come Back

A Message Subscribes Its Sender
    [Tags]    id:CT-143    req:C02.1    proto:4.27    proto:4.32    proto:4.44
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Start Conversation
    Send Chat Message    Am I in?
    Receive Chat Message    Am I in?
    Open Chat Socket    alias=later    url=${BACKEND_SOCKET_URL}
    ${subscribed} =    Subscribe    later
    Members Should Be    the answer to a subscription    ${subscribed}    conversation_id    epoch    head
    Should Be Equal    ${subscribed}[head]    ${1}    the head of a conversation with one message

The End Of A Subscription Reports Nothing
    [Documentation]    It is answered alike whether the conversation is the user's own, another's or nobody's.
    [Tags]    id:CT-331    req:C02.4    proto:4.28    proto:4.130
    [Setup]    Sign In Two Users
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    ${foreign} =    Create Conversation    ${OTHER}    Foreign
    ${nothing} =    Get Random UUID
    Start Conversation
    FOR    ${conversation}    IN    ${CONVERSATION}    ${foreign.id}    ${nothing}
        ${answer} =    Ask Socket    socket    unsubscribe    unsubscribed    conversation_id=${conversation}
        Should Be Equal    ${answer}    ${{ {'conversation_id': $conversation} }}    the answer to the end of a subscription
    END

A Wrong Frame Is Refused With A Code
    [Tags]    id:CT-144    req:C02.3    proto:4.77
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    ${nothing} =    Get Random UUID
    Frame Should Be Refused    unknown_type    ${False}    no.such.type
    Frame Should Be Refused    not_found    ${False}    subscribe    conversation_id=${nothing}
    Frame Should Be Refused    invalid_frame    ${False}    subscribe    conversation_id=no id
    Frame Should Be Refused    token_invalid    ${False}    reauth    token=no.such.token

A State Has At Most 48 KiB
    [Tags]    id:CT-145    req:R08    proto:4.35    proto:4.36    proto:4.88
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    ${updated} =    State Of Size Should Be    ${48 * 1024}    0    state.updated
    Should Be Equal    ${updated}    ${{ {'version': 1} }}    the answer to a write of a state
    State Of Size Should Be    ${48 * 1024 + 1}    1    error
    State Of Size Should Be    ${48 * 1024}    1    state.updated    letter=ä
    State Of Size Should Be    ${48 * 1024 + 2}    2    error    letter=ä
    ${conflict} =    State Of Size Should Be    ${100}    0    state.conflict
    Members Should Be    a conflict of states    ${conflict}    version    document

Id And Body Of A Message Keep Their Bounds
    [Documentation]    An id counts in characters, a body in bytes, on the socket as over REST.
    [Tags]    id:CT-216    req:C09.2    proto:4.126    proto:4.127
    [Setup]    Sign In With Conversation
    [Template]    Message Should Be Taken
    ${True}     ${{ 'ä' * 64 }}         Any
    ${False}    ${{ 'a' * 65 }}         Any
    ${False}    ${EMPTY}                Any
    ${True}     most                    ${{ 'x' * 16384 }}
    ${True}     most of two bytes       ${{ 'ä' * 8192 }}
    ${False}    more                    ${{ 'x' * 16385 }}
    ${False}    more of two bytes       ${{ 'x' + 'ä' * 8192 }}
    ${False}    none                    ${EMPTY}

The Assistant Answers Where It Was Asked To
    [Tags]    id:CT-146    req:C03.1    proto:4.47    proto:4.97    proto:4.98    needs:assistant
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Start Conversation
    Send Chat Message    Nobody answers here
    Start Conversation    assistant=${True}
    Assistant Should Answer As Declared    What is long enough for three pieces of an answer?
    ${others} =    Get Frames    connection=socket    where=type == 'message' and payload.body == 'You said: Nobody answers here'
    Should Be Empty    ${others}    the assistant answers in a conversation that has none

An Event Has Its Declared Members
    [Tags]    id:CT-147    req:R03    proto:3.1.30    proto:3.1.33    proto:4.54
    Userbase Should Hold    ${{ [$USER] }}
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    VAR    &{body}    text=Look
    VAR    &{new}    user_id=${USER.id}    priority=${7}    body=${body}
    ${made} =    Request Should Be Answered    201    POST    ${BACKEND_URL}/internal/notifications    ${new}    ${SERVICE_TOKEN}
    Members Should Be    the answer to a notification    ${made.json()}    event_id
    Event Should Be Whole    ${made.json()}[event_id]    7    ${{ {'body': {'text': 'Look'}} }}

An Unknown Client Is Declared Lost And Goes On Live
    [Tags]    id:CT-148    req:R02    proto:4.68    proto:4.71    proto:4.72    needs:ws.resume
    Open Chat Socket    alias=phone    url=${BACKEND_2_SOCKET_URL}
    Start Conversation
    ${ack} =    Send Chat Message    Before    phone
    ${client} =    Get Random UUID
    Open Chat Socket    url=${BACKEND_SOCKET_URL}    client_id=${client}
    VAR    ${held}    ${{ {$CONVERSATION: {'epoch': $ack['epoch'], 'seq': 0}} }}
    ${resumed} =    Resume Should Be Declared Lost    unknown_client    ${client}    ${held}
    Should Be Equal    ${resumed}[positions][${CONVERSATION}][seq]    ${1}    the position that a lost resume names
    Send Chat Message    After    phone
    Receive Chat Message    After

A Resume Of A Foreign Conversation Is Not Found
    [Tags]    id:CT-149    req:R02    proto:4.69    needs:ws.resume
    [Setup]    Sign In Two Users
    ${foreign} =    Create Conversation    ${OTHER}    Foreign
    ${client} =    Get Random UUID
    Open Chat Socket    alias=first    url=${BACKEND_SOCKET_URL}    client_id=${client}
    Close Connection    first
    Open Chat Socket    url=${BACKEND_SOCKET_URL}    client_id=${client}
    Resume Should Be Declared Lost    not_found    ${client}    ${{ {$foreign.id: {'epoch': 'any', 'seq': 0}} }}

Replicas Notify Each Other Over Redis
    [Tags]    id:CT-150    req:C05.1    proto:4.93    needs:redis
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Start Conversation
    Subscribe To Redis    backend:doorbell
    Send Chat Message    Did it ring?
    Wait For Redis Message    within=5s

Sockets Of A User Who Is Deactivated Or Deleted End
    [Tags]    id:CT-215    req:C07.3    proto:4.105
    [Template]    Sockets Should End When Account Is
    POST      /users/me/deactivate
    DELETE    /users/me

A Refusal Bears The Id Of Its Frame
    [Tags]    id:CT-311    req:C02.3    proto:4.23    proto:4.77
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    FOR    ${id}    ${frame}    IN
    ...    type      ${{ {'type': 7, 'payload': {}} }}
    ...    payload    ${{ {'type': 'ping', 'payload': []} }}
        Send Json    ${{ {**$frame, 'id': $id} }}    socket
        ${error} =    Wait For Json    connection=socket    type=error    id=${id}    within=5s
        Should Be Equal    ${error}[payload][code]    invalid_frame    the refusal of a frame that cannot be read
    END

A Frame Without Id Is Answered Without One
    [Documentation]    Whether its id is null or left out, and with the payload left out too.
    [Tags]    id:CT-312    req:C02.1    proto:4.23    proto:4.25
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    FOR    ${frame}    IN    ${{ {'type': 'ping', 'id': None, 'payload': {}} }}    ${{ {'type': 'ping'} }}
        ${pong} =    Send And Wait    ${frame}    connection=socket    type=pong    within=5s
        Should Be Equal    ${pong.json}    ${{ {'type': 'pong', 'id': None, 'payload': {}} }}    the answer to a ping without an id
    END

Only Frames That Cannot Be Read Close A Socket
    [Documentation]    Three refusals of any other code leave it open.
    [Tags]    id:CT-313    req:C02.3    proto:4.77    proto:4.99
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    ${nothing} =    Get Random UUID
    FOR    ${_}    IN RANGE    3
        Frame Should Be Refused    unknown_type    ${False}    no.such.type
        Frame Should Be Refused    not_found    ${False}    subscribe    conversation_id=${nothing}
        Frame Should Be Refused    token_invalid    ${False}    reauth    token=no.such.token
    END
    Ping Should Come Back

A Refused Handshake Bears Its Request Id
    [Tags]    id:CT-373    req:X03    proto:1.27
    [Template]    Refused Handshake Should Bear Request Id
    ${BACKEND_SOCKET_URL}
    ${SOCKET_URL}

Pieces Of An Answer Are Placed By Characters
    [Tags]    id:CT-378    req:C03.2    proto:4.46
    Start Conversation    assistant=${True}
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Send Chat Message    ${{ 'ü' * 40 }}
    Wait For Json    connection=socket    where=type == 'message' and payload.role == 'assistant'    within=20s
    ${pieces} =    Get Frames    connection=socket    type=message.chunk
    VAR    ${texts}    ${{ [piece.json['payload']['text'] for piece in $pieces] }}
    Should Be Equal    ${{ [piece.json['payload']['offset'] for piece in $pieces] }}
    ...    ${{ list(itertools.accumulate(map(len, $texts[:-1]), initial=0)) }}    where the pieces of an answer begin

Text That Is Not UTF-8 Closes Its Socket With 1007
    [Documentation]    In one frame, and where a character is left unfinished at the end of a message in two.
    [Tags]    id:CT-314    req:C02.3    proto:4.21    sec:W07
    FOR    ${alias}    ${first}    ${rest}    IN    whole    ${{ b'"\xff"' }}    ${None}    halves    ${{ b'"' }}    ${{ b'\xc3' }}
        Open Chat Socket    ${alias}    url=${BACKEND_SOCKET_URL}
        Send Raw Frame    ${first}    fin=${{ $rest is None }}    connection=${alias}
        IF    $rest is not None    Send Raw Frame    ${rest}    opcode=continuation    connection=${alias}
        Open Socket Should Be Closed With    1007    ${alias}
    END

A State That Was Never Written Has Version Zero
    [Tags]    id:CT-315    req:R08    proto:4.34    proto:4.36
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    ${none} =    Ask Socket    socket    state.get    state
    Should Be Equal    ${none}    ${{ {'version': 0, 'document': {}, 'damaged': False} }}    a state that was never written
    ${conflict} =    Ask Socket    socket    state.update    state.conflict    base_version=${1}    document=${{ {'a': 1} }}
    Should Be Equal    ${conflict}    ${{ {'version': 0, 'document': {}} }}    what a write over version 1 conflicts with
    ${written} =    Ask Socket    socket    state.update    state.updated    base_version=${0}    document=${{ {'a': 1} }}
    Should Be Equal    ${written}[version]    ${1}    the version of the first state

Ids In Capitals Are The Same In Small Letters
    [Tags]    id:CT-316    req:C02.2    proto:0.03    proto:4.15    proto:4.27
    Start Conversation
    ${client} =    Get Random UUID
    ${welcome} =    Open Chat Socket    url=${BACKEND_SOCKET_URL}    client_id=${client.upper()}
    Should Be Equal    ${welcome}[client_id]    ${client}    the client that was named in capitals
    ${subscribed} =    Subscribe    conversation=${CONVERSATION.upper()}
    Should Be Equal    ${subscribed}[conversation_id]    ${CONVERSATION}    the conversation that was named in capitals
    Post To    backend-2    /api/conversations/${CONVERSATION}/messages    ${{ {'body': 'in small letters'} }}    ${ACCESS_TOKEN}
    ...    status=201
    Receive Chat Message    in small letters

A Client Id That Is None Is Refused
    [Tags]    id:CT-317    req:C02.2    proto:4.09    proto:4.15    proto:4.16
    Socket Handshake Should Be Refused With    400    url=${BACKEND_SOCKET_URL}?client_id=mine    code=invalid_request
    Socket Handshake Should Be Refused With    400    url=${BACKEND_SOCKET_URL}    code=invalid_request
    ...    headers=${{ {'X-Client-Id': 'mine'} }}

A Client That Was Taken Over Is Replaced
    [Documentation]    By a newer socket at the same replica, and at the other one.
    [Tags]    id:CT-318    req:R05    proto:4.78    proto:4.107    needs:ws.resume
    FOR    ${number}    ${endpoint}    IN    1    ${BACKEND_SOCKET_URL}    2    ${BACKEND_2_SOCKET_URL}
        ${client} =    Get Random UUID
        Open Chat Socket    first-${number}    url=${BACKEND_SOCKET_URL}    client_id=${client}
        Open Chat Socket    moved-${number}    url=${BACKEND_SOCKET_URL}
        Resume    ${client}    ${{ {} }}    moved-${number}
        Open Socket Should Be Closed With    4009    first-${number}    within=5s
        Open Chat Socket    newest-${number}    url=${endpoint}    client_id=${client}
        Open Socket Should Be Closed With    4009    moved-${number}    within=5s
        Get Socket User    newest-${number}
    END

A Known Client Does Not Vouch For An Unknown One
    [Documentation]    A socket of a client that was there before resumes as one that never was.
    [Tags]    id:CT-319    req:R02    proto:4.68    proto:4.78    needs:ws.resume
    ${known} =    Get Random UUID
    ${unknown} =    Get Random UUID
    Open Chat Socket    earlier    url=${BACKEND_SOCKET_URL}    client_id=${known}
    Close Connection    earlier
    Open Chat Socket    url=${BACKEND_SOCKET_URL}    client_id=${known}
    Resume Should Be Declared Lost    unknown_client    ${unknown}    ${{ {} }}

An Acknowledged Event Of Any Kind Does Not Come Again
    [Documentation]    Preferences and conversation changed, and both events were acknowledged: after its return the client is notified of
    ...    what is new, however less urgent.
    [Tags]    id:CT-320    req:R03    req:R06    proto:4.57    proto:4.82    needs:ws.resume    needs:db.main
    ${client} =    Get Random UUID
    Change And Acknowledge On    before    ${client}
    Close Connection    before
    ${new} =    Notify    what is new    0
    Open Chat Socket    after    url=${BACKEND_SOCKET_URL}    client_id=${client}
    Resume    ${client}    ${{ {} }}    after
    ${came} =    Wait For Json    connection=after    type=event    within=5s
    Should Be Equal    ${came}[payload][event_id]    ${new}    the first event after all the rest was acknowledged

A User May Use The Id Of An Answer
    [Documentation]    An answer has an id of its sender's own: it is given though its user has used the same one.
    [Tags]    id:CT-321    req:C03.1    proto:4.47    needs:assistant
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Start Conversation    assistant=${True}
    Send Chat Message    First    client_msg_id=answer:1
    Receive Chat Message    You said: First    within=10s

A Message Without Its Last Frame Is Not Stored
    [Documentation]    All of its text has come, but for the frame that ends it; then the connection is cut, and it is sent again.
    [Tags]    id:CT-325    req:R04    proto:R4.01
    Start Conversation
    Open Chat Socket    cut    url=${BACKEND_SOCKET_URL}
    VAR    &{payload}    conversation_id=${CONVERSATION}    client_msg_id=unfinished    body=Unfinished
    VAR    &{frame}    type=message.send    id=unfinished    payload=${payload}
    Send Raw Frame    ${{ json.dumps($frame) }}    fin=${False}    connection=cut
    Drop Connection    cut
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    ${ack} =    Send Chat Message    Unfinished    client_msg_id=unfinished
    Should Be Equal    ${{ ($ack['seq'], $ack['duplicate']) }}    ${{ (1, False) }}    a message that was never finished is stored


*** Keywords ***
Refused Handshake Should Bear Request Id
    [Documentation]    A handshake without a token is refused under the id that it came with, which header and problem name.
    [Arguments]    ${url}
    ${id} =    Get Random UUID
    VAR    &{headers}    X-Request-Id=${id}
    ${answer} =    Handshake Should Be Refused    ${url}    status=401    headers=${headers}    ca_file=${CA_FILE}
    Should Be Equal    ${{ ($answer.headers.get('x-request-id'), $answer.json['request_id']) }}    ${{ ($id, $id) }}
    ...    header and member of a refused handshake that name its request

Change And Acknowledge On
    [Documentation]    On a new socket of this client its user is notified of preferences and of a conversation, and acknowledges both.
    [Arguments]    ${alias}    ${client}
    Userbase Should Hold    ${{ [$USER] }}
    Open Chat Socket    ${alias}    url=${BACKEND_SOCKET_URL}    client_id=${client}
    Put At    backend    /api/preferences    ${{ {'theme': 'dark'} }}    ${ACCESS_TOKEN}    If-Match="0"
    Start Conversation
    FOR    ${kind}    IN    preferences.updated    conversations.updated
        ${event} =    Wait For Json    connection=${alias}    type=event    payload.kind=${kind}    within=5s
        Acknowledge    ${event}[payload][event_id]    ${alias}
    END
    Wait Until Keyword Passes    5s    Check Row Count
    ...    SELECT 1 FROM notification_acks WHERE client_id = '${client}'    ==    2    alias=main

Open Socket With Two Tokens
    [Documentation]    Opens a socket with the user's token in the header and the other user's among the subprotocols; returns the welcome.
    VAR    @{offered}    chat.v1    bearer.${OTHER.access_token.value}
    Open Connection    ${BACKEND_SOCKET_URL}    alias=both    token=${ACCESS_TOKEN}    subprotocols=${offered}    timeout=15s
    ${welcome} =    Wait For Json    connection=both    type=welcome
    RETURN    ${welcome}[payload]

First Frame Should Be Welcome
    [Documentation]    The first frame of a socket is its welcome, a push, with just the members that are declared.
    [Arguments]    ${alias}
    ${frames} =    Get Frames    connection=${alias}
    VAR    ${first}    ${frames[0].json}
    Should Be Equal    ${{ [$first['type'], $first['id']] }}    ${{ ['welcome', None] }}    type and id of the first frame of ${alias}
    Members Should Be    the welcome    ${first}[payload]    client_id    user_id    session_id    session_check    expires_at
    ...    served_by    protocol

Sockets Should End When Account Is
    [Documentation]    The sockets of a new user, at both replicas and through frontend, end with 4003 once they have asked for this.
    [Arguments]    ${method}    ${path}
    Sign In New User
    Open Chat Socket    first    url=${BACKEND_SOCKET_URL}
    Open Chat Socket    second    url=${BACKEND_2_SOCKET_URL}
    Open Chat Socket    public    url=${SOCKET_URL}
    Request Should Be Answered    204    ${method}    ${AUTH_URL}${path}
    FOR    ${alias}    IN    first    second    public
        Open Socket Should Be Closed With    4003    ${alias}    within=1s
    END

Message Should Be Taken
    [Documentation]    A message of this id and body is taken on the socket and, with an id of its own, over REST; or neither takes it.
    [Arguments]    ${taken}    ${id}    ${body}
    ${alias} =    Get Random UUID
    Open Chat Socket    ${alias}    url=${BACKEND_SOCKET_URL}
    ${answer} =    Ask Socket    ${alias}    message.send    ${{ 'ack' if $taken else 'error' }}
    ...    conversation_id=${CONVERSATION}    client_msg_id=${id}    body=${body}
    IF    not $taken    Should Be Equal    ${answer}[code]    invalid_frame    the error to a message beyond its bounds
    VAR    &{message}    client_msg_id=${{ $id and '-' + $id[1:] }}    body=${body}
    Request Should Be Answered    ${{ 201 if $taken else 400 }}    POST
    ...    ${BACKEND_URL}/api/conversations/${CONVERSATION}/messages    ${message}

Assistant Should Answer As Declared
    [Documentation]    The answer to this message is ``You said: …`` in pieces of 16 characters, stored under ``answer:<seq>``.
    [Arguments]    ${question}
    ${ack} =    Send Chat Message    ${question}
    ${answer} =    Wait For Json    connection=socket    where=type == 'message' and payload.role == 'assistant'    within=20s
    Should Be Equal    ${answer}[payload][body]    You said: ${question}    the assistant's answer
    Should Be Equal    ${answer}[payload][client_msg_id]    answer:${ack}[seq]    the client_msg_id of an answer
    ${chunks} =    Get Frames    connection=socket    type=message.chunk
    VAR    ${sizes}    ${{ [len(chunk.json['payload']['text']) for chunk in $chunks] }}
    Should Be Equal    ${sizes[:-1]}    ${{ [16] * (len($sizes) - 1) }}    the sizes of all pieces of an answer but the last

Event Should Be Whole
    [Documentation]    An event comes to the socket with just the declared members, and this priority and data.
    [Arguments]    ${event_id}    ${priority: int}    ${data}
    ${event} =    Wait For Json    connection=socket    type=event    payload.event_id=${event_id}    within=10s
    Members Should Be    an event    ${event}[payload]    event_id    kind    priority    created_at    data
    VAR    ${reported}    ${{ [$event['payload']['kind'], $event['payload']['priority'], $event['payload']['data']] }}
    Should Be Equal    ${reported}    ${{ ['notification', $priority, $data] }}    kind, priority and data of an event
