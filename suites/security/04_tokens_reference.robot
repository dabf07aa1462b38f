*** Settings ***
Documentation       Tokens that are longer than any, and tokens of keys that nobody has, cost the services little.
...                 Sources: RFC 8725 (JWT best practice), OWASP ASVS 5.0 9.1.1 to 9.2.3; docs/protocol.md §2.3.
Resource            security.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User
Test Teardown       Close All Connections
Test Tags           security    p0    req:X02    needs:ws    needs:db.auth


*** Variables ***
${KEY_SET_REQUESTS}     http_requests_total{route="/.well-known/jwks.json"}


*** Test Cases ***
A Token Too Long To Be Read Is Refused Everywhere And At Once
    [Documentation]    Longer than a token may be, and shorter than what an HTTP server refuses to read.
    [Tags]    id:SE-29    proto:2.3.11    sec:J09    needs:jwt.signing_key
    ${long} =    Change Token    ${ACCESS_TOKEN}    filler=${{ 'A' * 6600 }}
    Service Refuses The Token    auth    /users/me    ${long}    token_invalid
    Service Refuses The Token    backend    /api/me    ${long}    token_invalid
    ${deep} =    Forge From My Token    deep json
    Service Refuses The Token    auth    /users/me    ${deep}    token_invalid
    Service Refuses The Token    backend    /api/me    ${deep}    token_invalid
    Socket Handshake Is Refused With    401    ${deep}    ${BACKEND_SOCKET_URL}    token_invalid
    Socket Handshake Is Refused With    401    ${long}    ${SOCKET_URL}    token_invalid

Tokens Of Unknown Keys Make Backend Ask For The Keys Once A Second At Most
    [Tags]    id:SE-33    proto:2.3.10    sec:J05
    ${token} =    Forge From My Token    unknown kid
    ${before} =    Service Metric    auth    ${KEY_SET_REQUESTS}
    Repeat Keyword    40 times    Service Refuses The Token    backend    /api/me    ${token}    token_invalid
    ${after} =    Service Metric    auth    ${KEY_SET_REQUESTS}
    Should Be True    ${after} - ${before} < 20
    ...    40 tokens of unknown keys made the replicas ask auth for its keys ${{ int($after - $before) }} times
