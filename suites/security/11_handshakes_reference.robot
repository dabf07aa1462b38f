*** Settings ***
Documentation       In which ways a browser and others say on a handshake whose it is.
...                 Sources: RFC 6455 §4.2.2, §7.4.1 and §10.2 (origin, close codes, sockets across sites), RFC 6750 §2.3 (no token in a
...                 query), OWASP ASVS 5.0 4.4.2 (origin of a handshake); docs/protocol.md §4.
Resource            other_users.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Close All Connections
Test Tags           security    p0    req:X03    needs:ws


*** Test Cases ***
Browsers Open Sockets By Subprotocol, Others By Header
    [Tags]    id:SE-45    req:C02.1    proto:4.03    proto:4.15    sec:W01
    Own Page Should Open Socket    ${SOCKET_URL}
    Client Should Be Named By Header    ${BACKEND_SOCKET_URL}
    Client Should Be Named By Header    ${SOCKET_URL}


*** Keywords ***
Own Page Should Open Socket
    [Documentation]    As a browser does at this endpoint: with the origin, and the token as a subprotocol beside ``chat.v1``, which is
    ...    chosen.
    [Arguments]    ${endpoint}
    Open Connection    ${endpoint}    alias=page    token=${ACCESS_TOKEN}    token_in=subprotocol    subprotocols=${SUBPROTOCOLS}
    ...    origin=${PUBLIC_URL}    ca_file=${CA_FILE}
    ${answer} =    Get Handshake Answer    page
    Should Be Equal    ${answer.subprotocol}    ${SUBPROTOCOLS}[0]    the handshake chose another subprotocol
    ${me} =    Get Socket User    page
    Should Be Equal    ${me}[id]    ${USER.id}    a token as a subprotocol is taken for another user
    Close Connection    page
