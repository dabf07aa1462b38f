*** Settings ***
Documentation       A restart takes nothing from a user: no session, no request, no message, and nothing that was stored.
...                 Source: RFC 6455 §7.4 and the IANA registry of close codes (1012, service restart).
Resource            portable/vocabulary.resource
Suite Setup         Use Private Target
Suite Teardown      Leave Target
Test Setup          Run Keywords    Use Surviving Sessions    AND    Sign In At Room
Test Teardown       Run Keywords    Close Chats    AND    Close All Sockets
Test Tags           critical    portable    p1


*** Test Cases ***
A Restart Closes Sockets As Declared And Takes Nothing
    [Tags]    id:C09-01    req:C09.1    req:T26    proto:4.101    proto:R3.01
    ${endpoints} =    Get Socket Endpoints
    Send From Device At    ${endpoints}[0]
    Restart Instance    ${endpoints}[0]
    Socket Should Close For Restart    ${PHONE}
    Session Should Survive    ${USER}
    Device Should Find Everything    ${endpoints}[-1]

A Killed Instance Takes Nothing
    [Tags]    id:C09-02    req:C09.1    req:S02    proto:R3.01
    ${endpoints} =    Get Replicas
    Send From Device At    ${endpoints}[0]
    Kill Instance    ${endpoints}[0]
    Socket Should Be Lost    ${PHONE}
    Remaining Endpoints Should Recognise User    ${USER}
    Device Should Find Everything    ${endpoints}[-1]
    Start Instance    ${endpoints}[0]
    Session Should Survive    ${USER}

A Device Receives What It Missed While An Instance Died
    [Tags]    id:C09-03    req:C09.1
    ${endpoints} =    Get Replicas
    Send From Device At    ${endpoints}[0]
    Kill Instance    ${endpoints}[0]
    ${other} =    Open Device    ${USER}    ${ROOM}    ${endpoints}[-1]
    Send Message    ${other}    ${ROOM}    one
    Send Message    ${other}    ${ROOM}    two
    Start Instance    ${endpoints}[0]
    Device Should Find Everything    ${endpoints}[0]    one    two

Rolling Restarts Fail No Request And Lose No Message
    [Tags]    id:C09-04    req:C09.2    proto:5.43    proto:R2.10
    ${way} =    Get Gentlest Restart
    Start Chats And Watch Endpoints    20
    Restart Each Instance    ${way}
    Wait For Answers    ${WATCH}    20
    Endpoints Should Have Been Available    ${WATCH}    every instance restarts    percent=100
    Wait Until Chats Have Sent    2
    Stop Chatting
    Chats Should Settle
    Chats Should Have Gone On    closes=restart    refused=${{ $way != 'replace' }}
    Chat History Should Be As Promised

Stored Data Are The Same After Every Instance Ended
    [Tags]    id:C09-05    req:C09.3    proto:R3.02
    ${endpoints} =    Get Socket Endpoints
    Send From Device At    ${endpoints}[-1]
    ${other} =    Sign In
    ${before} =    Read User Data    ${USER}    ${ROOM}
    ${before of other} =    Read User Data    ${other}
    Restart Each Instance    kill
    Restart Each Instance    stop
    User Data Should Be Unchanged    ${USER}    ${before}    ${ROOM}
    User Data Should Be Unchanged    ${other}    ${before of other}
    Device Should Find Everything    ${endpoints}[-1]


*** Keywords ***
Start Chats And Watch Endpoints
    [Documentation]    So many users chat in the background, and one asks every endpoint on and on: sets ``USERS``, ``ROOMS`` and ``WATCH``.
    [Arguments]    ${count}
    Open Chats For Users    ${count}
    ${watch} =    Watch Endpoints    ${USERS}[0]
    VAR    ${WATCH}    ${watch}    scope=TEST
    Start Chatting    every=400ms
    Wait Until Chats Have Sent    2
