*** Settings ***
Documentation       The devices of a user receive each other's messages: in order, none twice, none lost, also after they were away.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Setup          Sign In At Room
Test Teardown       Close All Sockets
Test Tags           portable    p0    req:T25


*** Test Cases ***
Two Devices Receive Each Other's Messages
    [Tags]    id:T25-01
    Open Two Devices
    Send Message    ${PHONE}    ${ROOM}    from the phone
    Message Should Arrive    ${LAPTOP}    from the phone    ${ROOM}    ${USER}
    Send Message    ${LAPTOP}    ${ROOM}    from the laptop
    Message Should Arrive    ${PHONE}    from the laptop    ${ROOM}    ${USER}

Two Hundred Messages Arrive In Order
    [Tags]    id:T25-02
    Open Two Devices
    ${texts} =    Send Messages    ${PHONE}    ${ROOM}    200
    Messages Should Arrive In Order    ${LAPTOP}    ${texts}    ${ROOM}
    Messages Should Arrive In Order    ${PHONE}    ${texts}    ${ROOM}

The History Holds Every Message In Order
    [Tags]    id:T25-03
    ${phone} =    Open Device    ${USER}    ${ROOM}
    ${texts} =    Send Messages    ${phone}    ${ROOM}    50
    History Should Be    ${USER}    ${ROOM}    ${texts}

A Message Sent By Request Reaches Every Device
    [Tags]    id:T25-04    proto:3.1.15
    Open Two Devices
    Send Message By Request    ${USER}    ${ROOM}    by request
    Message Should Arrive    ${PHONE}    by request    ${ROOM}    ${USER}
    Message Should Arrive    ${LAPTOP}    by request    ${ROOM}    ${USER}

A Message Reaches No Other User
    [Tags]    id:T25-05    req:T21
    ${phone} =    Open Device    ${USER}    ${ROOM}
    ${other} =    Sign In
    ${other room} =    Create Room    ${other}
    ${socket} =    Open Device    ${other}    ${other room}
    Send Message    ${phone}    ${ROOM}    for me alone
    Message Should Arrive    ${phone}    for me alone
    Send Message    ${socket}    ${other room}    later
    Message Should Not Arrive    ${socket}    for me alone    after=later

A Device That Comes Back Receives What It Missed
    [Tags]    id:T25-06
    Open Two Devices
    Send Message    ${PHONE}    ${ROOM}    before
    Message Should Arrive    ${LAPTOP}    before
    Close Socket    ${LAPTOP}
    Send Message    ${PHONE}    ${ROOM}    while it was away
    ${again} =    Reconnect Socket    ${LAPTOP}    ${ROOM}
    Message Should Arrive    ${again}    while it was away    ${ROOM}    ${USER}
    Send Message    ${PHONE}    ${ROOM}    after it came back
    Message Should Arrive    ${again}    after it came back    ${ROOM}

A Device That Left A Room Receives Nothing Of It
    [Tags]    id:T25-07
    Open Two Devices
    ${other room} =    Create Room    ${USER}
    Join Room    ${LAPTOP}    ${other room}
    Leave Room    ${LAPTOP}    ${ROOM}
    Send Message    ${PHONE}    ${ROOM}    after it left
    Send Message    ${PHONE}    ${other room}    in the other room
    Message Should Not Arrive    ${LAPTOP}    after it left    after=in the other room
