*** Settings ***
Documentation       A socket belongs to the user of its token: it knows them, it survives a reconnection,
...                 and nothing that a frame claims changes it.
...                 Sources: RFC 6455 (WebSocket), RFC 6750 (bearer tokens), RFC 8725 (JWT best practice).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           critical    p0    portable


*** Test Cases ***
A Socket Knows The User Of Its Token
    [Tags]    id:C02-01    req:C02.1    proto:4.40
    ${user} =    Sign In
    ${socket} =    Open Socket    ${user}
    Socket Should Recognise User    ${socket}
    Every Endpoint Should Agree On User    ${user}

A Message Is Stored As Its Sender's
    [Tags]    id:C02-02    req:C02.1    proto:4.30    proto:4.123
    Sign In At Room
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    from me
    ${message} =    Message Should Arrive    ${phone}    from me    ${ROOM}    ${USER}
    Message Should Be Stored    ${USER}    ${ROOM}    ${message}

A Reconnection With The Same Token Continues The Session
    [Tags]    id:C02-03    req:C02.2    proto:4.16
    Sign In At Room
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    before the cut
    Message Should Arrive    ${phone}    before the cut
    Reset Socket    ${phone}
    ${again} =    Reconnect Socket    ${phone}    ${ROOM}
    Sockets Should Be Of One Device    ${phone}    ${again}
    Send Message    ${again}    ${ROOM}    after the cut
    VAR    @{both}    before the cut    after the cut
    Kept History Should Be    ${USER}    ${ROOM}    ${both}

Missed Messages Are Replayed After The Reconnection
    [Tags]    id:C02-04    req:C02.2    proto:4.33    proto:4.64
    Missed Messages Should Be Replayed    3

A Single Missed Message Is Replayed
    [Tags]    id:C02-17    req:C02.2    proto:4.121
    Missed Messages Should Be Replayed    1

The Last Message Of A Long Replay Is Replayed
    [Documentation]    Servers replay in frames of so many messages; what is left for the last frame may be one message.
    [Tags]    id:C02-18    req:C02.2    proto:4.121
    Missed Messages Should Be Replayed    ${{ 500 + 1 }}

A Frame That Claims Another Sender Changes Nothing
    [Tags]    id:C02-05    req:C02.3    proto:4.42    sec:W06
    Sign In At Room
    ${other} =    Sign In
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message As    ${phone}    ${ROOM}    I am you    ${other}
    Message Should Not Be From    ${phone}    I am you    ${other}    ${USER}    ${ROOM}

Other Users Can Neither Join Nor Write
    [Tags]    id:C02-06    req:C02.3    req:T21    proto:4.29    sec:W06
    Sign In At Room
    ${other} =    Sign In
    ${intruder} =    Open Socket    ${other}
    Join Should Be Refused    ${intruder}    ${ROOM}
    Send Should Be Refused    ${intruder}    ${ROOM}    let me in
    VAR    @{nothing}    @{EMPTY}
    History Should Be    ${USER}    ${ROOM}    ${nothing}

A Message Reaches Its Owner's Sockets And No Other User's
    [Tags]    id:C02-07    req:C02.3    req:T21    req:T25
    Sign In At Room
    ${mine} =    Open Devices Everywhere    ${USER}    ${ROOM}
    ${other} =    Sign In
    ${other room} =    Create Room    ${other}
    ${theirs} =    Open Devices Everywhere    ${other}    ${other room}
    Send Message    ${mine}[0]    ${ROOM}    for my devices only
    Every Device Should Receive    ${mine}    for my devices only    ${ROOM}    ${USER}
    Send Message    ${theirs}[0]    ${other room}    later
    No Device Should Receive    ${theirs}    for my devices only    after=later

A Device That Unsubscribed Receives No More
    [Tags]    id:C02-08    req:C02.3    req:T25    proto:4.28
    Sign In At Room
    ${speaker} =    Open Device    ${USER}    ${ROOM}
    ${listener} =    Open Device    ${USER}    ${ROOM}
    ${other room} =    Create Room    ${USER}
    Join Room    ${listener}    ${other room}
    Leave Room    ${listener}    ${ROOM}
    Send Message    ${speaker}    ${ROOM}    after it left
    Message Should Arrive    ${speaker}    after it left
    Send Message    ${speaker}    ${other room}    in the other room
    Message Should Not Arrive    ${listener}    after it left    after=in the other room

Invalid Frames Close A Socket And Unknown Ones Do Not
    [Tags]    id:C02-09    req:C02.3    proto:4.99
    ${user} =    Sign In
    ${socket} =    Open Socket    ${user}
    Unknown Frame Should Leave Socket Open    ${socket}
    Invalid Frames Should Be Refused    ${socket}

A Socket Without A Token Is Refused
    [Tags]    id:C02-10    req:C02.4    req:T21    proto:4.06    sec:W02
    ${user} =    Sign In
    ${nobody} =    Drop Token    ${user}
    Every Endpoint Should Refuse Socket    ${nobody}    unauthenticated

Sockets Refuse Tokens In Query Strings And Log None
    [Tags]    id:C02-11    req:C02.4    proto:4.04    proto:4.05    sec:W02
    ${user} =    Sign In
    Every Endpoint Should Refuse Token In Query    ${user}    access_token
    Logs Should Hold No Secret Of    ${user}

A Socket With A Forged Token Is Refused
    [Tags]    id:C02-12    req:C02.4    proto:2.3.05    sec:J01    sec:J02    sec:J03    sec:J05
    ${user} =    Sign In
    Every Endpoint Should Refuse Socket For Forgeries    ${user}    flipped signature bit    empty signature    two segments
    ...    alg none    hs256 with public key    unknown kid    blank kid    foreign key

Sockets Refuse Signed Tokens Of The Wrong Kind
    [Tags]    id:C02-13    req:C02.4    proto:2.3.07    sec:J06    sec:J07    sec:J08
    ${user} =    Sign In
    Every Endpoint Should Refuse Socket For Forgeries    ${user}    wrong audience    wrong issuer    wrong type    not yet valid
    ...    expired    critical extension

A Socket With A Token For Another Service Is Refused
    [Documentation]    The token is genuine: the target itself has issued it, for another service.
    [Tags]    id:C02-14    req:C02.4    sec:J07
    ${elsewhere} =    Sign In Elsewhere
    Every Endpoint Should Refuse Socket    ${elsewhere}    invalid

A Socket With An Expired Token Is Refused
    [Tags]    id:C02-15    req:C02.4    req:T22    proto:1.22
    ${user} =    Sign In For Seconds
    Every Endpoint Should Recognise User    ${user}
    Wait Until Token Expires    ${user}
    Access Should End    ${user}    expiry
    Every Endpoint Should Refuse Socket    ${user}    expired    after=expiry

A Good Token Still Works After A Refusal
    [Tags]    id:C02-16    req:C02.4    req:T21
    ${user} =    Sign In
    ${broken} =    Tamper With Token    ${user}
    Every Endpoint Should Refuse Socket    ${broken}    invalid
    Every Endpoint Should Open Socket For User    ${user}


*** Keywords ***
Missed Messages Should Be Replayed
    [Documentation]    A device that was away while so many messages were sent at another endpoint has them all, once and in order,
    ...    after it is back there.
    [Arguments]    ${count: int}
    Sign In At Room
    ${endpoints} =    Get Socket Endpoints
    ${phone} =    Open Device    ${USER}    ${ROOM}    ${endpoints}[0]
    ${before} =    Send Messages    ${phone}    ${ROOM}    1    prefix=before
    Device Should Have Received    ${phone}    ${before}    ${ROOM}
    Reset Socket    ${phone}
    ${other} =    Open Device    ${USER}    ${ROOM}    ${endpoints}[-1]
    ${missed} =    Send Messages    ${other}    ${ROOM}    ${count}    prefix=missed
    ${again} =    Reconnect Socket    ${phone}    ${ROOM}    ${endpoints}[-1]
    Device Should Have Received    ${again}    ${{ [*$before, *$missed] }}    ${ROOM}    away=${missed}

No Device Should Receive
    [Documentation]    A message with this text has come to none of these devices by the time that a later one has.
    [Arguments]    ${devices}    ${text}    ${after}
    FOR    ${device}    IN    @{devices}
        Message Should Not Arrive    ${device}    ${text}    ${after}
    END
