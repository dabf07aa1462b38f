*** Settings ***
Documentation       A socket belongs to the user of its token: it is found in the main database, it survives a reconnection,
...                 and nothing a frame claims changes it.
...                 Sources: RFC 6455 (WebSocket), RFC 6750 (bearer tokens), RFC 8725 (JWT best practice).
Resource            platform.resource
Resource            auth.resource
Resource            databases.resource
Resource            socket.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User
Test Teardown       Close All Connections
Test Tags           critical    p0    needs:ws


*** Test Cases ***
The Socket Knows The User Of The Token And So Does The Main Database
    [Tags]    id:C02-01    req:C02.1    needs:db.main    needs:db.auth
    ${welcome} =    Open A Socket
    Should Be Equal    ${welcome}[user_id]    ${USER.id}    the welcome names another user
    ${me} =    Who The Socket Says I Am
    ${row} =    Backend User Row    ${USER.id}
    Should Be Equal    ${me}[email]    ${row}[email]    socket and userbase differ in the e-mail
    Should Be Equal    ${me}[name]    ${row}[name]    socket and userbase differ in the name
    Token Claim    ${ACCESS_TOKEN}    sid    ==    ${me}[session_id]

An Authenticated Message Is Answered In The Right User's Context
    [Tags]    id:C02-02    req:C02.1    needs:db.main
    Start A Conversation
    Open A Socket    url=${BACKEND_SOCKET_URL}
    ${ack} =    Say    Hello from me
    ${message} =    Hear    Hello from me
    Should Be Equal    ${message}[sender]    ${USER.id}    the message comes from another sender
    Should Be Equal    ${message}[seq]    ${ack}[seq]    message and ack differ in the seq
    Stored Senders Should Be    ${USER.id}

After A Reconnection With The Same Token The Session Continues
    [Tags]    id:C02-03    req:C02.2    needs:ws.resume
    Start A Conversation
    ${before} =    Open A Socket
    ${ack} =    Say    Before the cut
    Lose The Connection
    ${after} =    Open A Socket    alias=again    client_id=${before}[client_id]
    Should Be Equal    ${after}[session_id]    ${before}[session_id]    another session after the reconnection
    Should Be Equal    ${after}[client_id]    ${before}[client_id]    another client after the reconnection
    ${later} =    Say    After the cut    again
    Should Be Equal    ${later}[seq]    ${{ $ack['seq'] + 1 }}    the conversation does not go on

What Was Said While Away Is Replayed After The Reconnection
    [Tags]    id:C02-04    req:C02.2    needs:ws.resume    needs:replicas.2
    Start A Conversation
    ${before} =    Open A Socket    url=${BACKEND_SOCKET_URL}
    ${ack} =    Say    Before the cut
    Lose The Connection
    Another Device Says    One    Two    Three
    Open A Socket    alias=again    url=${BACKEND_2_SOCKET_URL}    client_id=${before}[client_id]
    ${resumed} =    Resume From    ${before}[client_id]    ${ack}    again
    Should Be True    $resumed['recovered'] and $resumed['replayed'] == 3    not 3 messages recovered: ${resumed}
    Replay Should Read    again    One    Two    Three

A Frame That Claims Another Sender Is Stored Under The Token's User
    [Tags]    id:C02-05    req:C02.3    sec:W06    needs:db.main
    ${victim} =    Create User
    Start A Conversation
    Open A Socket
    Ask The Socket    socket    message.send    ack    conversation_id=${CONVERSATION}    client_msg_id=forged-1
    ...    body=I am you    sender=${victim.id}    user_id=${victim.id}
    ${message} =    Hear    I am you
    Should Be Equal    ${message}[sender]    ${USER.id}    the sender is whom the frame claims
    Stored Senders Should Be    ${USER.id}

A Stranger Can Neither Subscribe To Nor Write Into A Conversation
    [Tags]    id:C02-06    req:C02.3    sec:W06    needs:db.main
    Start A Conversation
    Open A Socket
    ${stranger} =    Create User
    Open A Socket    alias=stranger    token=${stranger.access_token}
    Socket Answers With Error    stranger    subscribe    not_found    conversation_id=${CONVERSATION}
    Socket Answers With Error    stranger    message.send    not_found    conversation_id=${CONVERSATION}
    ...    client_msg_id=intruder-1    body=Let me in
    Stored Senders Should Be

A Message Reaches Its Owner's Sockets And Nobody Else's
    [Tags]    id:C02-07    req:C02.3    needs:replicas.2
    Start A Conversation
    ${other} =    Create User
    Open A Socket    alias=desktop    url=${BACKEND_SOCKET_URL}
    Open A Socket    alias=phone    url=${BACKEND_2_SOCKET_URL}
    Open A Socket    alias=other    token=${other.access_token}    url=${BACKEND_2_SOCKET_URL}
    Subscribe    phone
    Say    For my devices only    desktop
    Hear    For my devices only    phone
    No Message Reached    other

What Is Unsubscribed Is No Longer Heard
    [Tags]    id:C02-08    req:C02.3
    Start A Conversation
    Open A Socket    alias=speaker    url=${BACKEND_SOCKET_URL}
    Subscribe    speaker
    Open A Socket    url=${BACKEND_SOCKET_URL}
    Subscribe
    ${answer} =    Ask The Socket    socket    unsubscribe    unsubscribed    conversation_id=${CONVERSATION}
    Should Be Equal    ${answer}    ${{ {'conversation_id': $CONVERSATION} }}    the answer names another conversation
    Say    Not for the other tab    speaker
    Hear    Not for the other tab    speaker
    No Message Reached    socket

Three Invalid Frames Close A Socket And What Is Merely Unknown Does Not
    [Tags]    id:C02-09    req:C02.3
    Open A Socket    url=${BACKEND_SOCKET_URL}
    Socket Answers With Error    socket    subscribe    invalid_frame
    Socket Answers With Error    socket    subscribe    invalid_frame
    Socket Answers With Error    socket    make.coffee    unknown_type
    Who The Socket Says I Am
    Ask The Socket    socket    subscribe    error
    Connection Should Be Closed    socket    code=${1008}    reason=three invalid frames

A Socket Without A Token Is Refused
    [Tags]    id:C02-10    req:C02.4    sec:W02
    Socket Handshake Is Refused With    401    token=${None}    url=${BACKEND_SOCKET_URL}
    Socket Handshake Is Refused With    401    token=${None}    url=${SOCKET_URL}

A Socket With A Token In The Query String Is Refused And The Token Is Logged Nowhere
    [Tags]    id:C02-11    req:C02.4    sec:W02    needs:control.logs
    Socket Handshake Is Refused With    400    url=${BACKEND_SOCKET_URL}    token_in=query
    Socket Handshake Is Refused With    400    url=${SOCKET_URL}    token_in=query
    No Service Log Contains    ${ACCESS_TOKEN}

A Socket With A Broken Or Forged Token Is Refused
    [Tags]    id:C02-12    req:C02.4    sec:J01    sec:J02    sec:J03    sec:J05
    [Template]    Socket Refuses The Forged Token
    flipped signature bit
    empty signature
    two segments
    alg none
    hs256 with public key
    unknown kid
    blank kid
    foreign key

A Socket With An Honestly Signed Token Of The Wrong Kind Is Refused
    [Tags]    id:C02-13    req:C02.4    sec:J06    sec:J07    sec:J08    needs:jwt.signing_key
    [Template]    Socket Refuses The Forged Token
    wrong audience
    wrong issuer
    wrong type
    not yet valid
    expired
    critical extension

A Socket With A Token For Another Audience Is Refused
    [Documentation]    The token is genuine: auth issued it to the client ``partner``, whose audience is another API.
    [Tags]    id:C02-14    req:C02.4    sec:J07
    ${partner} =    Create User    client_id=partner
    Token Claim    ${partner.access_token}    aud    ==    partner-api
    Socket Refuses The Token    ${partner.access_token}    token_invalid

A Socket With An Expired Token Is Refused
    [Tags]    id:C02-15    req:C02.4    needs:jwt.short_lived
    Sign In A New User For A Few Seconds
    Let The Access Token Expire
    Socket Refuses The Token    ${ACCESS_TOKEN}    token_expired

A Good Token Still Works After Every Refusal
    [Tags]    id:C02-16    req:C02.4
    Socket Refuses The Forged Token    flipped signature bit
    Socket Sees User Id    ${USER.id}


*** Keywords ***
Another Device Says
    [Documentation]    A second socket of the same user says these messages, one after the other, and leaves.
    [Arguments]    @{bodies}
    Open A Socket    alias=other device    url=${BACKEND_2_SOCKET_URL}
    FOR    ${body}    IN    @{bodies}
        Say    ${body}    other device
    END
    Close Connection    other device

Resume From
    [Documentation]    Resumes the conversation on a socket from the position of an ``ack``.
    [Arguments]    ${client_id}    ${ack}    ${alias}
    VAR    &{position}    epoch=${ack}[epoch]    seq=${ack}[seq]
    VAR    &{positions}    ${CONVERSATION}=${position}
    ${resumed} =    Resume    ${client_id}    ${positions}    ${alias}
    RETURN    ${resumed}

Stored Senders Should Be
    [Documentation]    The main database holds one message of the conversation from each of these, in this order.
    [Arguments]    @{senders}
    ${stored} =    Stored Messages    ${CONVERSATION}
    Should Be Equal    ${{ [row['sender'] for row in $stored] }}    ${senders}    senders of the stored messages

No Message Reached
    [Documentation]    A socket answers a ping after everything before it, and has received no message until then.
    [Arguments]    ${alias}
    Ask The Socket    ${alias}    ping    pong
    Frame Count    ==    ${0}    connection=${alias}    where=type=message

Socket Refuses The Forged Token
    [Documentation]    A token forged from the current, genuine one by this attack opens no socket.
    [Arguments]    ${attack}
    ${token} =    Forge From My Token    ${attack}
    For The Case    ${attack}    Socket Refuses The Token    ${token}
