*** Settings ***
Documentation       What waits for a device that is away arrives in its order and once when it is back, however much that is and
...                 whatever is sent meanwhile.
...                 Source: RFC 6455 §7.1.7 (a connection may end without a close frame).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           state-recovery    portable    p0    req:R02


*** Test Cases ***
A Hundred Missed Messages Arrive In Order And Once
    [Tags]    id:R02-09    proto:R1.02
    Open Two Devices With First Message
    Close Socket    ${LAPTOP}
    Send While Laptop Is Away    100
    Reconnect Laptop
    Laptop Should Have Everything
    Close Socket    ${LAPTOP}
    Laptop Should Recover
    Nothing Should Be Lost

More Missed Messages Than A Frame Holds Arrive In Order
    [Tags]    id:R02-10    proto:4.121    proto:R1.03
    Open Two Devices With First Message
    Close Socket    ${LAPTOP}
    Send While Laptop Is Away    1201
    Laptop Should Recover
    Nothing Should Be Lost

Messages Sent During A Replay Follow It
    [Tags]    id:R02-11    proto:4.121    proto:R1.04
    Open Two Devices With First Message
    Reset Socket    ${LAPTOP}
    Send While Laptop Is Away    5000
    Send Messages While Laptop Reconnects    600
    Laptop Should Have Everything
    Nothing Should Be Lost

Missed Messages Of Several Rooms Keep Their Order
    [Tags]    id:R02-12    proto:R1.05
    Sign In At Room
    ${rooms} =    Create Rooms For User    5
    ${laptop} =    Open Device In Rooms    ${rooms}
    ${phone} =    Open Device In Rooms    ${rooms}
    Reset Socket    ${laptop}
    ${texts} =    Send Messages To Rooms    ${phone}    ${rooms}    40
    ${again} =    Reconnect Socket    ${laptop}    ${rooms}
    Device Should Have Received In Each Room    ${again}    ${texts}    ${rooms}


*** Keywords ***
Send Messages While Laptop Reconnects
    [Documentation]    The laptop takes up where it was, and the phone sends so many messages meanwhile, all of which are taken:
    ...    they are added to ``MESSAGES`` and ``AWAY``.
    [Arguments]    ${count: int}
    ${sent}    ${again} =    Send Messages While Reconnecting    ${PHONE}    ${LAPTOP}    ${ROOM}    ${count}    prefix=during the replay
    VAR    ${LAPTOP}    ${again}    scope=TEST
    ${texts} =    Messages Should Be Taken    ${PHONE}    ${sent}
    VAR    @{MESSAGES}    @{MESSAGES}    @{texts}    scope=TEST
    VAR    @{AWAY}    @{AWAY}    @{texts}    scope=TEST

Create Rooms For User
    [Documentation]    So many conversations of the test's user; returns their ids.
    [Arguments]    ${count: int}
    VAR    @{rooms}    @{EMPTY}
    FOR    ${_}    IN RANGE    ${count}
        ${room} =    Create Room    ${USER}
        VAR    @{rooms}    @{rooms}    ${room}
    END
    RETURN    ${rooms}

Open Device In Rooms
    [Documentation]    A device of the test's user that has joined these conversations; returns it.
    [Arguments]    ${rooms}
    ${device} =    Open Device    ${USER}    ${rooms}[0]
    FOR    ${room}    IN    @{rooms}[1:]
        Join Room    ${device}    ${room}
    END
    RETURN    ${device}

Send Messages To Rooms
    [Documentation]    A device sends the same so many messages to each of these conversations; returns their texts.
    [Arguments]    ${device}    ${rooms}    ${count: int}
    FOR    ${room}    IN    @{rooms}
        ${texts} =    Send Messages    ${device}    ${room}    ${count}
    END
    RETURN    ${texts}

Device Should Have Received In Each Room
    [Documentation]    A device has received these messages of each conversation, which the target has stored.
    [Arguments]    ${device}    ${texts}    ${rooms}
    FOR    ${room}    IN    @{rooms}
        Device Should Have Received    ${device}    ${texts}    ${room}    away=${texts}
        Kept History Should Be    ${USER}    ${room}    ${texts}
    END
