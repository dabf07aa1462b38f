*** Settings ***
Documentation       A user, an address and a socket have one quota each, the same at every door; a refusal says when it ends, and ends then;
...                 who floods is throttled, and nobody else notices. Sources: RFC 6585 §4 (429), RFC 9110 §10.2.3 (Retry-After),
...                 draft-ietf-httpapi-ratelimit-headers-10, RFC 6455 §7.4.2 (close codes).
Resource            quotas.resource
Suite Setup         Open Platform With Small Quotas    ${USER_LIMIT}    ${ADDRESS_LIMIT}    ${SOCKET_LIMIT}    ${WINDOW}    ${FAILURE_LIMIT}
Suite Teardown      Leave Platform
Test Teardown       Close All Connections
Test Tags           critical    p1    needs:ratelimit    needs:replicas.2    needs:session.admin


*** Variables ***
${USER_LIMIT}       ${8}
${ADDRESS_LIMIT}    ${16}
${SOCKET_LIMIT}     ${8}
${WINDOW}           ${2}
${FAILURE_LIMIT}    ${3}


*** Test Cases ***
A User Has One Quota At Endpoints And Sockets
    [Tags]    id:C08-02    req:C08.1    proto:3.2.11    sec:R03    needs:ws
    Run In One Window    User Quota Should Hold At Endpoints And Socket    ${USER_LIMIT}

Sockets And Endpoints Share The Quota
    [Tags]    id:C08-03    req:C08.1    proto:3.2.11    sec:R03    needs:ws
    Run In One Window    Socket And Endpoints Should Share Quota    ${USER_LIMIT}

Claims About An Address Change Nothing
    [Tags]    id:C08-04    req:C08.1    proto:3.2.18    proto:3.2.19    proto:5.52    proto:5.53    sec:R03
    Run In One Window    Address Quota Should Ignore Claims    ${ADDRESS_LIMIT}

Logins Are Counted Against Their Address
    [Tags]    id:C08-09    req:C08.1    req:C08.3    sec:R05
    Run In One Window    Password Should Be Counted Against Address

Flooding Addresses Are Throttled And Harm No User
    [Documentation]    How long an unaffected user waits is measured by how long another one waits, at the same time, at a platform where
    ...    nobody floods, beside as many load users who ask.
    [Tags]    id:C08-10    req:C08.4    proto:3.2.03    sec:R04    robot:continue-on-failure
    ${attackers} =    Get Attackers    0    3
    ${floods} =    Flood Beside Load Users    ${attackers}
    Other Users Should Wait No Longer
    Flood Should Be Throttled    ${floods}    ${ADDRESS_LIMIT}    ${WINDOW}s    @{OPEN_DOORS}
    Every User Should Be Served Again    ${attackers}    ${floods}

Flooding Sockets Are Throttled And Harm No User
    [Documentation]    As `Flooding Addresses Are Throttled And Harm No User`, by handshakes, messages and answers that nobody reads.
    [Tags]    id:C08-12    req:C08.4    sec:R04    sec:W07    needs:ws    robot:continue-on-failure
    ${attackers} =    Get Socket Attackers
    ${floods} =    Flood Beside Load Users    ${attackers}
    Other Users Should Wait No Longer
    Socket Flood Should Be Throttled    ${floods}
