*** Settings ***
Documentation       Each plan has its own quota; without Redis a quota holds in each process by itself, and the capabilities say so; what
...                 else they say of quotas is true, too. Sources: RFC 6585 §4 (429),
...                 draft-ietf-httpapi-ratelimit-headers-10; docs/protocol.md §3.2.
Library             BudgetLibrary
Resource            promised_stores.resource
Resource            rest.resource
Suite Setup         Open Platform With Quota For Each Plan    ${USER_LIMIT}    ${BULK_LIMIT}    ${ADDRESS_LIMIT}
...                     ${SOCKET_LIMIT}    ${WINDOW}
Suite Teardown      Leave Platform
Test Teardown       Close All Connections
Test Tags           contract    p1    req:C08.1    needs:ratelimit    needs:replicas.2    needs:session.admin


*** Variables ***
${USER_LIMIT}           ${6}
${BULK_LIMIT}           ${11}
${ADDRESS_LIMIT}        ${30}
${SOCKET_LIMIT}         ${4}
${WINDOW}               ${3}


*** Test Cases ***
Each Plan Has The Quota That The Capabilities Name
    [Tags]    id:CT-43    proto:3.2.14    sec:R01    needs:ws
    Capabilities Should Name Quotas    shared
    Run In One Window    User Quota Should Hold At    ${BULK_LIMIT}    ${ENDPOINTS}[0]    ${ENDPOINTS}[2]    ${ENDPOINTS}[3]    plan=bulk
    Run In One Window    User Quota Should Hold At    ${USER_LIMIT}    ${ENDPOINTS}[1]    ${ENDPOINTS}[3]

Refusals Of A Socket Count In Their Window Alone
    [Tags]    id:CT-206    req:C08.2    proto:4.73    proto:4.76    needs:ws
    [Setup]    Sign In With Conversation
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    FOR    ${number}    IN RANGE    3
        ${answers} =    Send Messages On Socket    ${SOCKET_LIMIT + 3}    window-${number}
        Should Be Equal    ${answers}    ${{ ['ack'] * $SOCKET_LIMIT + ['rate_limited'] * 3 }}    answers in window ${number}
        ${warnings} =    Get Frames    connection=socket    type=warning
        Length Should Be    ${warnings}    ${number + 1}    warnings of a socket that went over its quota in so many windows
        ${whole} =    Make Promise    ${{ $warnings[-1].json['payload']['retry_after'] }}
        Wait As Promised    ${whole}
    END
    Connection Should Be Open    socket

Each Process Keeps The Quota While Redis Is Away
    [Tags]    id:CT-44    proto:3.2.20    proto:3.2.21    sec:R06    needs:control.kill    needs:redis
    Kill Service    redis
    Wait Until Keyword Passes    10s    Capabilities Should Name Quotas    per-process
    Run In One Window    User Quota Should Hold At    ${USER_LIMIT}    ${ENDPOINTS}[0]
    Run In One Window    User Quota Should Hold In Each Replica    ${USER_LIMIT}
    Run In One Window    Address Quota Should Hold At    ${ADDRESS_LIMIT}    ${OPEN_ENDPOINTS}[1]
    Window Should End Despite More Requests
    Start Service    redis
    Wait Until Keyword Passes    15s    Every Service Should See Redis
    Wait Until Keyword Passes    15s    Capabilities Should Name Quotas    shared
    Run In One Window    User Quota Should Hold At    ${USER_LIMIT}    @{ENDPOINTS}
    [Teardown]    Restore Redis For Replicas


*** Keywords ***
Every Service Should See Redis
    [Documentation]    Auth and both replicas say in their health that Redis is up.
    FOR    ${service}    IN    auth    backend-1    backend-2
        ${health} =    Service Should Be Ready    ${service}
        Should Be Equal    ${health}[dependencies][redis]    up    ${service} says of Redis
    END

Window Should End Despite More Requests
    [Documentation]    A user over the quota who goes on asking is served again once the window of the first request is over.
    Create User Of Plan
    Fill Quota    ${ENDPOINTS}[1]    ${USER_LIMIT}
    Wait Until Keyword Passes    ${2 * ${WINDOW}}s    Next Request Should Pass    ${ENDPOINTS}[1]

Next Request Should Pass
    [Documentation]    One more request of the current user is served.
    [Arguments]    ${endpoint}
    ${source} =    Get Unused Address
    ${answers} =    Ask    1    ${endpoint}    token=${ACCESS_TOKEN}    source=${source}
    Should Be Equal    ${answers[0].status}    ${200}    a request of who has gone on asking

Open Platform With Quota For Each Plan
    [Documentation]    A private platform with these quotas in each window.
    [Arguments]    ${user}    ${bulk}    ${address}    ${socket}    ${window}
    Open Private Platform    RATE_LIMIT=${user}    RATE_LIMIT_BULK=${bulk}    ADDRESS_RATE_LIMIT=${address}
    ...    SOCKET_RATE_LIMIT=${socket}    RATE_WINDOW=${window}
    VAR    &{QUOTAS}    standard=${user}    bulk=${bulk}    address=${address}    socket=${socket}    window=${window}    scope=SUITE
    Remember Endpoints

User Quota Should Hold In Each Replica
    [Documentation]    One after the other, each replica lets exactly so many requests of the user pass: they do not know of each other.
    [Arguments]    ${limit}
    User Quota Should Hold At    ${limit}    ${ENDPOINTS}[1]
    User Quota Should Hold At    ${limit}    ${ENDPOINTS}[2]

Address Quota Should Hold At
    [Documentation]    At this endpoint exactly so many requests from one address pass.
    [Arguments]    ${limit}    ${endpoint}
    ${source} =    Get Unused Address
    ${answers} =    Ask    ${limit + 3}    ${endpoint}    source=${source}
    Exactly Should Pass    ${answers}    ${limit}
    Quota Should Count Down    ${answers}    address    ${limit}    ${WINDOW}

Restore Redis For Replicas
    [Documentation]    For a teardown: whatever failed, Redis runs, and nothing is open.
    Close All Connections
    Run Keyword And Ignore Error    Start Service    redis
