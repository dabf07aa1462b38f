*** Settings ***
Documentation       A socket is back soon after the restart of its instance, and its device misses nothing.
...                 Source: RFC 6455 §7.4 (1012, service restart).
Resource            portable/vocabulary.resource
Suite Setup         Use Private Target
Suite Teardown      Leave Target
Test Setup          Sign In At Room
Test Teardown       Close All Sockets
Test Tags           session-sync    portable    p0    req:S05    req:S07


*** Test Cases ***
A Socket Reconnects In Time
    [Documentation]    Measured from the loss of the socket until it is resumed; the start of the instance is part of it.
    [Tags]    id:S05-02    part:socket
    ${endpoints} =    Get Socket Endpoints
    Send From Device At    ${endpoints}[0]
    FOR    ${how}    IN    stop    stop    kill    kill
        ${again} =    Socket Should Reconnect In Time    ${how}    ${PHONE}    ${ROOM}
        VAR    ${PHONE}    ${again}
    END
    Device Should Find Everything    ${endpoints}[0]
