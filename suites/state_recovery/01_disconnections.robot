*** Settings ***
Documentation       However a connection ends, the device that comes back receives what it missed, each message once and in order.
...                 Sources: RFC 6455 §7.1.7 (a connection may end without a close frame), §5.4 (fragments) and §7.4.1 (1006).
Resource            portable/vocabulary.resource
Suite Setup         Use Target With Disturbable Network
Suite Teardown      Leave Target
Test Teardown       Heal Network And Close Sockets
Test Tags           state-recovery    portable    p0


*** Variables ***
@{NONE_SENT}    @{EMPTY}


*** Test Cases ***
A Closed Device Recovers At Every Endpoint
    [Tags]    id:R01-01    req:R01    req:R06    proto:R2.01    proto:R2.02
    Open Two Devices With First Message
    ${endpoints} =    Get Socket Endpoints
    FOR    ${endpoint}    IN    @{endpoints}    @{endpoints}[::-1]
        Close Socket    ${LAPTOP}
        Laptop Should Recover    ${endpoint}
    END
    Nothing Should Be Lost

A Reset Device Recovers At Every Endpoint
    [Tags]    id:R01-02    req:R01    req:R06    proto:R2.01    proto:R2.02
    Open Two Devices With First Message
    ${endpoints} =    Get Socket Endpoints
    FOR    ${endpoint}    IN    @{endpoints}    @{endpoints}[::-1]
        Reset Socket    ${LAPTOP}
        Laptop Should Recover    ${endpoint}
    END
    Nothing Should Be Lost

A Device In A Silent Network Recovers At Every Endpoint
    [Tags]    id:R01-03    req:R01    req:R06    proto:R2.03
    Open Two Devices With First Message
    ${endpoints} =    Get Socket Endpoints
    FOR    ${endpoint}    IN    @{endpoints}
        VAR    @{received}    @{MESSAGES}
        Silence Network    ${LAPTOP}
        Send While Laptop Is Away    2    into the silence
        Device Should Have Received    ${LAPTOP}    ${received}    ${ROOM}
        Reset Socket    ${LAPTOP}
        Laptop Should Recover    ${endpoint}
    END
    Nothing Should Be Lost

An Unfinished Message Is Not Stored Before It Is Finished
    [Tags]    id:R04-03    req:R04
    ${phone} =    Open Device In New Room
    ${half} =    Send Unfinished Message    ${phone}    ${ROOM}    in fragments
    History Should Be    ${USER}    ${ROOM}    ${NONE_SENT}
    Reset Socket    ${phone}
    ${again} =    Reconnect Socket    ${phone}    ${ROOM}
    Send Message In Fragments    ${again}    ${ROOM}    ${half}
    Messages Should Be Stored Once    ${again}    ${{ [$half.text] }}

Unanswered Messages Are Sent Again And Stored Once
    [Tags]    id:R07-01    req:R07    proto:R1.07
    ${phone} =    Open Device In New Room
    ${sent} =    Send Unanswered Messages    ${phone}    20
    Reset Socket    ${phone}
    ${again} =    Reconnect Socket    ${phone}    ${ROOM}
    VAR    @{texts}    @{{ [message.text for message in $sent] }}
    Device Should Have Received    ${again}    ${texts}    ${ROOM}    away=${texts}
    Send Messages Again    ${again}    ${ROOM}    ${sent}
    ${new} =    Send Messages    ${again}    ${ROOM}    10    prefix=new
    Messages Should Be Stored Once    ${again}    ${{ $texts + $new }}

Messages Under Way When The Connection Breaks Are Stored Once
    [Tags]    id:R07-04    req:R07    proto:4.124
    ${phone} =    Open Device In New Room
    ${sent} =    Send Messages Without Waiting    ${phone}    ${ROOM}    200
    Messages Should Be Taken    ${phone}    ${{ $sent[:1] }}
    Reset Socket    ${phone}
    ${endpoints} =    Get Socket Endpoints
    ${again} =    Reconnect Socket    ${phone}    ${ROOM}    ${endpoints}[-1]
    Send Messages Again    ${again}    ${ROOM}    ${sent}    stored=${False}
    Messages Should Be Stored Once    ${again}    ${{ [message.text for message in $sent] }}


*** Keywords ***
Send Unanswered Messages
    [Documentation]    A device sends so many messages, which the target stores; no answer comes back. Returns what was sent.
    [Arguments]    ${device}    ${count: int}
    Block Answers    ${device}
    ${sent} =    Send Messages Without Waiting    ${device}    ${ROOM}    ${count}
    History Should Become    ${USER}    ${ROOM}    ${{ [message.text for message in $sent] }}
    Device Should Have Received    ${device}    ${NONE_SENT}    ${ROOM}
    RETURN    ${sent}

Use Target With Disturbable Network
    [Documentation]    As `Use Target`; what passes on sockets can be disturbed.
    Use Target
    Use Disturbable Network
