*** Settings ***
Documentation       One user in five tabs and on two devices: each has its own, all see what they share.
...                 Conflicting writes, states of tabs and events are in 10_tabs_and_devices_reference.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close Chats And Sockets
Test Tags           portable    critical    p1


*** Test Cases ***
Five Tabs Chat In Five Rooms And Nothing Crosses Over
    [Tags]    id:C10-01    req:C10.1    proto:4.43
    ${user} =    Sign In
    VAR    @{tabs}    ${user}    ${user}    ${user}    ${user}    ${user}
    ${rooms} =    Create Rooms    ${tabs}
    Open Chats    ${tabs}    ${rooms}
    Send From Every Chat    20
    Chats Should Settle
    Chats Should Have Gone On
    Chat History Should Be As Promised

A New Room Is Listed On Every Device
    [Tags]    id:C10-03    req:C10.2    req:C03.2    proto:3.1.07
    ${phone} =    Sign In    device=phone
    ${laptop} =    Sign In    ${phone}    device=laptop
    ${other} =    Sign In
    ${room} =    Create Room    ${phone}
    ${other room} =    Create Room    ${other}
    VAR    @{own}    ${room}
    VAR    @{others}    ${other room}
    Rooms Should Be Listed    ${laptop}    ${own}
    Rooms Should Not Be Listed    ${laptop}    ${others}
    Rooms Should Be Listed    ${other}    ${others}

A Message Is Seen On Every Device In Time
    [Tags]    id:C10-04    req:C10.3
    Sign In At Room
    ${devices} =    Open Devices Everywhere    ${USER}    ${ROOM}
    ${second} =    Sign In    ${USER}    device=laptop
    ${laptop} =    Open Device    ${second}    ${ROOM}
    VAR    @{all}    @{devices}    ${laptop}
    Messages Should Cross In Time    ${all}    ${ROOM}

Every Tab Of A Room Receives A Message
    [Documentation]    Three tabs at each endpoint, and the message comes from one of them.
    [Tags]    id:C10-11    req:C10.2    proto:4.43
    Sign In At Room
    VAR    @{tabs}    @{EMPTY}
    FOR    ${_}    IN RANGE    3
        ${more} =    Open Devices Everywhere    ${USER}    ${ROOM}
        VAR    @{tabs}    @{tabs}    @{more}
    END
    Send Message    ${tabs}[0]    ${ROOM}    to every tab
    Every Device Should Receive    ${tabs}    to every tab    ${ROOM}    ${USER}

Signing Out One Device Leaves The Other In
    [Tags]    id:C10-05    req:C10.3
    Sign In At Room
    Open Two Devices
    Sign Out    ${USER}
    Send Message    ${LAPTOP}    ${ROOM}    still here
    Message Should Arrive    ${LAPTOP}    still here    ${ROOM}
    Session Should Go On    ${SECOND}    ${LAPTOP}
