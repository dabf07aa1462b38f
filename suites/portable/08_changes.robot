*** Settings ***
Documentation       A role that is taken away takes its rights along; messages and rooms that are deleted are gone for every user.
...                 Changed names and roles at every endpoint and store: critical/07_user_sync.robot.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Setup          Sign In At Room
Test Teardown       Close All Sockets
Test Tags           portable    p0


*** Test Cases ***
A Reduced Role Loses Its Rights
    [Tags]    id:T27-01    req:T27
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    while it may
    ${changed} =    Change Role    ${USER}
    Rights Should Follow Role    ${changed}    ${ROOM}

An Open Socket Loses The Rights Of A Reduced Role
    [Tags]    id:T27-02    req:T27
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    while it may
    ${changed} =    Change Role    ${USER}
    Socket Should Follow Role    ${phone}    ${changed}    ${ROOM}

A Deleted Message Is Gone For Every Device
    [Tags]    id:T28-01    req:T28
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    kept
    ${key} =    Send Message    ${phone}    ${ROOM}    deleted
    ${message} =    Message Should Arrive    ${phone}    deleted
    Delete Message    ${USER}    ${ROOM}    ${message}
    VAR    @{left}    kept
    History Should Be    ${USER}    ${ROOM}    ${left}
    Described Stores Should Not Hold Message    ${key}

A Deleted Room Is Gone With Its Messages
    [Tags]    id:T28-02    req:T28
    ${phone} =    Open Device    ${USER}    ${ROOM}
    ${key} =    Send Message    ${phone}    ${ROOM}    deleted with the room
    Delete Room    ${USER}    ${ROOM}
    Room Should Be Gone    ${USER}    ${ROOM}
    Described Stores Should Not Hold Message    ${key}
