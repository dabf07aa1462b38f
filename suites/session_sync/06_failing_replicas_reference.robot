*** Settings ***
Documentation       A backend that answers 5xx, or that dies, is left out and costs nobody their session; a socket that is cut is closed
...                 with a code that says "come again", and who does finds everything.
...                 Sources: RFC 9110 §15.6.4 and §10.2.3 (503, Retry-After), RFC 6455 §7.4 (close codes); docs/protocol.md §4 and §5.
Resource            platform.resource
Resource            outage.resource
Resource            synchrony.resource
Suite Setup         Open Private Platform    backends=2    proxies=backend->postgres, frontend->backend
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       Run Keywords    Restore Services    AND    End Part
Test Tags           session-sync    p0    req:S06    req:S07    needs:ws    needs:replicas.2    needs:net.faults    needs:redis


*** Test Cases ***
A Backend That Answers 5xx Is Left Out
    [Tags]    id:S10-03    req:S10    proto:5.44    proto:5.45    needs:db.main
    Sign In New User
    Cut Connection    backend-1->postgres
    Retries Through Frontend Should Be Served    5    tries=2
    Backend Should Report When To Retry
    Frontend Should Leave Replica Out
    Heal Connection    backend-1->postgres
    Every Answer Should Report Session Found    live

A Cut Socket Closes For A Return That Finds Everything
    [Tags]    id:S06-03    proto:4.102    needs:ws.resume
    Prepare User With Data
    Reconnect And Resume    through frontend
    Reset Connection    frontend->backend
    Open Socket Should Be Closed With    1012    through frontend    within=10s
    Send Message Meanwhile
    Reconnect And Resume    once more    missed=1
    Drop Socket Connection    once more
    No Socket Should Be Left Behind
    Reconnect And Resume    missed=1


*** Keywords ***
Backend Should Report When To Retry
    [Documentation]    The first replica answers 503 with a time to wait of 1 to 10 s.
    ${refused} =    Get From    backend    /api/me    ${ACCESS_TOKEN}    status=503
    Should Be True    1 <= int($refused.headers['Retry-After']) <= 10    Retry-After is ${refused.headers}[Retry-After], not 1 to 10 s

Retries Through Frontend Should Be Served
    [Documentation]    So many requests, each tried again on 503 and at most so often in all, are answered by the other replica.
    [Arguments]    ${count: int}    ${tries: int}
    FOR    ${_}    IN RANGE    ${count}
        ${served} =    Wait Until Keyword Succeeds    ${tries}x    0s    Get From    frontend    /api/me    ${ACCESS_TOKEN}
        Should Be Equal    ${served.json()}[served_by]    backend-2    the broken replica has answered
    END

Frontend Should Leave Replica Out
    [Documentation]    Frontend comes to send nothing more to the broken replica: twenty answers in a row without an error.
    Wait Until Keyword Passes    20s    Twenty Answers Should Have No Error

Twenty Answers Should Have No Error
    [Documentation]    Twenty requests through frontend, each answered with 200 at the first try.
    Repeat Keyword    20 times    Get From    frontend    /api/me    ${ACCESS_TOKEN}

Send Message Meanwhile
    [Documentation]    A message over REST, by the current user into their conversation.
    Post To    backend-2    /api/conversations/${CONVERSATION}/messages    ${{ {'body': 'Meanwhile'} }}    ${ACCESS_TOKEN}    status=201

No Socket Should Be Left Behind
    [Documentation]    Each replica comes to have no open socket.
    FOR    ${instance}    IN    backend-1    backend-2
        Get Service Metric    ${instance}    sockets_open    ==    0    within=15s
    END
