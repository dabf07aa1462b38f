*** Settings ***
Documentation       What the socket promises of its single frames: members, ids, sizes, words of refusals, and who may open it.
...                 Sources: RFC 6455 §7.4.1, RFC 6750 §2.1; docs/protocol.md §4.
Resource            promises.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User
Test Teardown       Close All Connections
Test Tags           contract    p1    needs:ws    needs:replicas.2


*** Test Cases ***
A Socket Needs One Token And No Origin
    [Tags]    id:CT-151    req:C02.1    proto:4.02    proto:4.08    proto:4.18    sec:W01
    [Setup]    Sign In Two Users
    ${welcome} =    Open A Socket    url=${BACKEND_SOCKET_URL}
    Should Be Equal    ${welcome}[user_id]    ${USER.id}    the user of a socket with its token in the header
    ${welcome} =    Open Socket With Two Tokens
    Should Be Equal    ${welcome}[user_id]    ${USER.id}    of two tokens the header does not count

A Socket Without A Client Id Gets One
    [Tags]    id:CT-152    req:C02.2    proto:4.17
    ${first} =    Open A Socket    alias=first    url=${BACKEND_SOCKET_URL}
    ${second} =    Open A Socket    alias=second    url=${BACKEND_SOCKET_URL}
    Should Not Be Equal    ${first}[client_id]    ${second}[client_id]    two sockets that name no client get one name
    ${me} =    Who The Socket Says I Am    first
    Should Be Equal    ${me}[client_id]    ${first}[client_id]    the first socket's client

The Welcome Comes First And Answers Bear Their Id
    [Tags]    id:CT-142    req:C02.1    proto:4.23    proto:4.24    proto:4.25    proto:4.40    proto:4.41
    Open A Socket    url=${BACKEND_SOCKET_URL}
    First Frame Should Be Welcome    socket
    Ping Should Come Back

A Message Subscribes Its Sender
    [Tags]    id:CT-143    req:C02.1    proto:4.27    proto:4.32    proto:4.44
    Open A Socket    url=${BACKEND_SOCKET_URL}
    Start A Conversation
    Say    Am I in?
    Hear    Am I in?
    Open A Socket    alias=later    url=${BACKEND_SOCKET_URL}
    ${subscribed} =    Subscribe    later
    Members Should Be    the answer to a subscription    ${subscribed}    conversation_id    epoch    head
    Should Be Equal    ${subscribed}[head]    ${1}    the head of a conversation with one message

A Wrong Frame Is Refused With A Code
    [Tags]    id:CT-144    req:C02.3    proto:4.77
    Open A Socket    url=${BACKEND_SOCKET_URL}
    ${nothing} =    Random UUID
    Frame Should Be Refused    unknown_type    ${False}    no.such.type
    Frame Should Be Refused    not_found    ${False}    subscribe    conversation_id=${nothing}
    Frame Should Be Refused    invalid_frame    ${False}    subscribe    conversation_id=no id
    Frame Should Be Refused    token_invalid    ${False}    reauth    token=no.such.token

A State Has At Most 48 KiB
    [Tags]    id:CT-145    req:R08    proto:4.35    proto:4.36    proto:4.88
    Open A Socket    url=${BACKEND_SOCKET_URL}
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
    [Setup]    Sign In With A Conversation
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
    Open A Socket    url=${BACKEND_SOCKET_URL}
    Start A Conversation
    Say    Nobody answers here
    Start A Conversation    assistant=${True}
    Assistant Should Answer As Declared    What is long enough for three pieces of an answer?
    ${others} =    Get Frames    connection=socket    where=type == 'message' and payload.body == 'You said: Nobody answers here'
    Should Be Empty    ${others}    the assistant answers in a conversation that has none

An Event Has Its Declared Members
    [Tags]    id:CT-147    req:R03    proto:3.1.30    proto:3.1.33    proto:4.54
    Userbase Should Hold    ${{ [$USER] }}
    Open A Socket    url=${BACKEND_SOCKET_URL}
    VAR    &{body}    text=Look
    VAR    &{new}    user_id=${USER.id}    priority=${7}    body=${body}
    ${made} =    Request Should Be Answered    201    POST    ${BACKEND_URL}/internal/notifications    ${new}    ${SERVICE_TOKEN}
    Members Should Be    the answer to a notification    ${made.json()}    event_id
    Event Should Be Whole    ${made.json()}[event_id]    7    ${{ {'body': {'text': 'Look'}} }}

An Unknown Client Is Declared Lost And Goes On Live
    [Tags]    id:CT-148    req:R02    proto:4.68    proto:4.71    proto:4.72    needs:ws.resume
    Open A Socket    alias=phone    url=${BACKEND_2_SOCKET_URL}
    Start A Conversation
    ${ack} =    Say    Before    phone
    ${client} =    Random UUID
    Open A Socket    url=${BACKEND_SOCKET_URL}    client_id=${client}
    VAR    ${held}    ${{ {$CONVERSATION: {'epoch': $ack['epoch'], 'seq': 0}} }}
    ${resumed} =    Resume Should Be Declared Lost    unknown_client    ${client}    ${held}
    Should Be Equal    ${resumed}[positions][${CONVERSATION}][seq]    ${1}    the position that a lost resume names
    Say    After    phone
    Hear    After

A Resume Of A Foreign Conversation Is Not Found
    [Tags]    id:CT-149    req:R02    proto:4.69    needs:ws.resume
    [Setup]    Sign In Two Users
    ${foreign} =    Create Conversation    ${OTHER}    Foreign
    ${client} =    Random UUID
    Open A Socket    alias=first    url=${BACKEND_SOCKET_URL}    client_id=${client}
    Close Connection    first
    Open A Socket    url=${BACKEND_SOCKET_URL}    client_id=${client}
    Resume Should Be Declared Lost    not_found    ${client}    ${{ {$foreign.id: {'epoch': 'any', 'seq': 0}} }}

Replicas Notify Each Other Over Redis
    [Tags]    id:CT-150    req:C05.1    proto:4.93    needs:redis
    Open A Socket    url=${BACKEND_SOCKET_URL}
    Start A Conversation
    Subscribe To Redis    backend:doorbell
    Say    Did it ring?
    Wait For Redis Message    within=5s

Sockets Of A User Who Is Deactivated Or Deleted End
    [Tags]    id:CT-215    req:C07.3    proto:4.105
    [Template]    Sockets Should End When Account Is
    POST      /users/me/deactivate
    DELETE    /users/me
