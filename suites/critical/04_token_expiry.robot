*** Settings ***
Documentation       A short-lived access token is honoured up to its expiry and refused from then on, on every service, gracefully;
...                 a refresh carries the user over it.
...                 Sources: RFC 9068, RFC 6750 §3 (challenge), RFC 7519 §4.1.4 (exp).
Resource            platform.resource
Resource            auth.resource
Resource            socket.resource
Library             ProbeLibrary
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User For A Few Seconds
Test Teardown       Close All Connections
Test Tags           critical    p0    req:C04.2    needs:jwt.short_lived    needs:ws    needs:replicas.2


*** Test Cases ***
A Token Is Honoured Until Its Expiry And Refused From Then On
    [Tags]    id:C04-09
    ${lifetime} =    Platform Value    limits.short_access_ttl
    Token Lifetime Should Be    ${lifetime}
    ${claims} =    Read Token Claims    ${ACCESS_TOKEN}
    Token Should Be Honoured Until    ${claims}[exp]    ${ACCESS_TOKEN}
    ...    ${AUTH_URL}/users/me    ${BACKEND_URL}/api/me    ${BACKEND_2_URL}/api/me    ${PUBLIC_URL}/api/me
    ...    ca_file=${CA_FILE}
    Every Service Refuses The Token    ${ACCESS_TOKEN}    token_expired

A Refresh After The Expiry Brings The User Back
    [Tags]    id:C04-10    req:C04.3
    VAR    ${old}    ${ACCESS_TOKEN}
    Let The Access Token Expire
    Run While Token Lives    Every Service Accepts A Refreshed Token
    Service Refuses The Token    backend    /api/me    ${old}    token_expired
