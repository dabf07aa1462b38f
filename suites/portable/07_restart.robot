*** Settings ***
Documentation       Sessions, messages and devices survive the restart of the instance that serves them.
Resource            portable/vocabulary.resource
Suite Setup         Use Private Target
Suite Teardown      Leave Target
Test Setup          Sign In At Room
Test Teardown       Close All Sockets
Test Tags           portable    p0    req:T26


*** Test Cases ***
A Session Survives The Restart Of An Instance
    [Tags]    id:T26-01
    ${endpoints} =    Get Socket Endpoints
    Open Device    ${USER}    ${ROOM}
    Restart Instance    ${endpoints}[0]
    Session Should Survive    ${USER}

A Device Comes Back After A Restart
    [Tags]    id:T26-02
    ${endpoints} =    Get Socket Endpoints
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    before the restart
    Message Should Arrive    ${phone}    before the restart
    Restart Instance    ${endpoints}[0]
    Socket Should Close For Restart    ${phone}
    ${user} =    Get Session After Restart    ${USER}
    Send From Another Device    ${user}    ${endpoints}[-1]
    ${again} =    Reconnect Socket    ${phone}    ${ROOM}    session=${user}
    Message Should Arrive    ${again}    meanwhile    ${ROOM}

The History Is The Same After A Restart
    [Tags]    id:T26-03
    ${phone} =    Open Device    ${USER}    ${ROOM}
    ${texts} =    Send Messages    ${phone}    ${ROOM}    20
    ${endpoints} =    Get Socket Endpoints
    Restart Instance    ${endpoints}[0]
    ${user} =    Get Session After Restart    ${USER}
    History Should Be    ${user}    ${ROOM}    ${texts}

New Users Sign In After A Restart
    [Tags]    id:T26-04
    ${endpoints} =    Get Socket Endpoints
    Restart Instance    ${endpoints}[0]
    ${user} =    Sign In
    Every Endpoint Should Recognise User    ${user}
    Every Endpoint Should Open Socket For User    ${user}


*** Keywords ***
Send From Another Device
    [Documentation]    A device of the user at this endpoint sends ``meanwhile``.
    [Arguments]    ${user}    ${endpoint}
    ${other} =    Open Device    ${user}    ${ROOM}    ${endpoint}
    Send Message    ${other}    ${ROOM}    meanwhile
