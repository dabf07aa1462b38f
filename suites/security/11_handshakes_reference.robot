*** Settings ***
Documentation       In which ways a browser and others say on a handshake whose it is.
...                 Sources: RFC 6455 §4.2.2, §7.4.1 and §10.2 (origin, close codes, sockets across sites), RFC 6750 §2.3 (no token in a
...                 query), OWASP ASVS 5.0 4.4.2 (origin of a handshake); docs/protocol.md §4.
Resource            other_users.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Close All Connections
Test Tags           security    p0    req:X03    req:C02.1    proto:4.03    sec:W01    needs:ws


*** Test Cases ***
Browsers Open Sockets By Subprotocol, Others By Header
    [Tags]    id:SE-45    proto:4.15
    Own Page Should Open Socket    ${SOCKET_URL}
    Client Should Be Named By Header    ${BACKEND_SOCKET_URL}
    Client Should Be Named By Header    ${SOCKET_URL}

The Server Chooses No Token As Subprotocol
    [Documentation]    What it chooses stands in its answer, so it may not be the token, in whichever order they are offered.
    [Tags]    id:SE-101
    [Template]    Token Offered First Should Not Be Chosen
    ${BACKEND_SOCKET_URL}
    ${SOCKET_URL}


*** Keywords ***
Token Offered First Should Not Be Chosen
    [Documentation]    The subprotocol of the service is chosen, though the token stands before it.
    [Arguments]    ${endpoint}
    VAR    @{offered}    bearer.${ACCESS_TOKEN.value}    ${SUBPROTOCOLS}[0]
    Open Connection    ${endpoint}    alias=first    subprotocols=${offered}    origin=${PUBLIC_URL}    ca_file=${CA_FILE}
    ${answer} =    Get Handshake Answer    first
    Should Be Equal    ${answer.subprotocol}    ${SUBPROTOCOLS}[0]    the subprotocol of a socket whose token was offered first
    ${me} =    Get Socket User    first
    Should Be Equal    ${me}[id]    ${USER.id}    the user of a socket whose token was offered first
    Close Connection    first

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
