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
    Run In One Window    User Quota Should Hold At    ${BULK_LIMIT}    ${DOORS}[0]    ${DOORS}[2]    ${DOORS}[3]    plan=bulk
    Run In One Window    User Quota Should Hold At    ${USER_LIMIT}    ${DOORS}[1]    ${DOORS}[3]

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
    Run In One Window    User Quota Should Hold At    ${USER_LIMIT}    ${DOORS}[0]
    Run In One Window    User Quota Should Hold In Each Replica    ${USER_LIMIT}
    Run In One Window    Address Quota Should Hold At    ${ADDRESS_LIMIT}    ${OPEN_DOORS}[1]
    Window Should End Despite More Requests
    Start Service    redis
    Wait Until Keyword Passes    15s    Every Service Should See Redis
    Wait Until Keyword Passes    15s    Capabilities Should Name Quotas    shared
    Run In One Window    User Quota Should Hold At    ${USER_LIMIT}    @{DOORS}
    [Teardown]    Restore Redis For Replicas
