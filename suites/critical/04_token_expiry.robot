*** Settings ***
Documentation       A short-lived access token is honoured up to its expiry and refused from then on, on every service, gracefully;
...                 a refresh carries the user over it.
...                 Sources: RFC 9068, RFC 6750 §3 (challenge), RFC 7519 §4.1.4 (exp), RFC 6455 §7.4 (close codes).
Resource            platform.resource
Resource            auth.resource
Resource            socket.resource
Library             ProbeLibrary
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User For A Few Seconds
Test Teardown       Close All Connections
Test Tags           critical    p0    req:C04.2    needs:jwt.short_lived


*** Test Cases ***
A Token Is Honoured Until Its Expiry And Refused From Then On
    [Tags]    needs:replicas.2
    ${lifetime} =    Platform Value    limits.short_access_ttl
    Token Lifetime Should Be    ${lifetime}
    ${claims} =    Read Token Claims    ${ACCESS_TOKEN}
    Token Should Be Honoured Until    ${claims}[exp]    ${ACCESS_TOKEN}
    ...    ${AUTH_URL}/users/me    ${BACKEND_URL}/api/me    ${BACKEND_2_URL}/api/me    ${PUBLIC_URL}/api/me
    ...    ca_file=${CA_FILE}
    Every Service Refuses The Token    ${ACCESS_TOKEN}    token_expired

An Open Socket Is Closed With 4001 At Its Token's Expiry And Not Before
    [Tags]    sec:W04    needs:ws
    Open A Socket    alias=direct    url=${BACKEND_SOCKET_URL}
    Open A Socket    alias=through frontend
    Let The Access Token Expire
    Open Socket Was Closed With    4001    direct
    Open Socket Was Closed With    4001    through frontend
    Socket Was Closed At The Expiry    direct
    Socket Was Closed At The Expiry    through frontend

A Refresh After The Expiry Brings The User Back
    [Tags]    req:C04.3    needs:ws    needs:replicas.2
    VAR    ${old}    ${ACCESS_TOKEN}
    Let The Access Token Expire
    Refresh The Tokens
    Every Service Accepts The Token
    Service Refuses The Token    backend    /api/me    ${old}    token_expired

A Socket Lives On With A Refreshed Token
    [Tags]    req:C04.3    needs:ws
    Open A Socket
    VAR    ${old}    ${ACCESS_TOKEN}
    Wait Until Token Has Left    ${old}    1s
    Refresh The Tokens
    Ask The Socket    socket    reauth    reauthenticated    token=${ACCESS_TOKEN}
    Wait Until Token Has Expired    ${old}
    Who The Socket Says I Am
    Let The Access Token Expire
    Open Socket Was Closed With    4001
    Socket Was Closed At The Expiry    socket


*** Keywords ***
Socket Was Closed At The Expiry
    [Documentation]    The close frame came after the token's ``exp`` and at most one second later.
    [Arguments]    ${alias}
    ${closed_at} =    Get Close Time    ${alias}
    ${claims} =    Read Token Claims    ${ACCESS_TOKEN}
    Should Be True    ${claims}[exp] <= ${closed_at} <= ${claims}[exp] + 1
    ...    not within 1 s after the expiry: exp is ${claims}[exp], the socket was closed at ${closed_at}
