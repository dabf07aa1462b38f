*** Settings ***
Documentation       What the target has not ends whatever needs it as NA, by itself: no test here has a tag that says so.
Library             PlatformLibrary
Library             WebSocketLibrary
Library             ProbeLibrary
Library             QuotaLibrary
Library             JWTLibrary
Library             RedisLibrary
Library             SnapshotLibrary
Library             DataFactory
Resource            platform.resource
Suite Setup         Open Shared Platform
Suite Teardown      Undo What Was Never Done
Test Template       Lacking


*** Test Cases ***
A Private Platform    platform.private    Open Private Platform    backends=2
A Second Replica By HTTP    endpoints.backend_2_url    Get From    backend-2    /api/me
A Second Replica By Socket    endpoints.backend_2_socket_url    Open Connection    ${BACKEND_2_SOCKET_URL}
A Handshake With It    endpoints.backend_2_socket_url    Handshake Should Be Refused    ${BACKEND_2_SOCKET_URL}/more    status=401
A Probe Of It    endpoints.backend_2_url    Start Probe    two    ${BACKEND_2_URL}/health
A Volley    endpoints.backend_2_url    Send At Once    ${{ [{'url': $BACKEND_2_URL + '/api/me'}] }}
A Quota Of It    endpoints.backend_2_url    Ask    ${1}    ${BACKEND_2_URL}/api/me
Its Health    endpoints.backend_2_url    Service Should Be Ready    backend-2
A Service That Should Be Silent    endpoints.provider_url    Service Should Not Answer    provider
A Database    endpoints.main_db_url    Get Stored Messages    7
A Snapshot    endpoints.auth_db_url    Take Snapshot    ${AUTH_DB_URL}    auth_users
Redis    endpoints.redis_url    Connect To Redis
The Service Credential    endpoints.service_token    Get From    auth    /admin/sessions    token=${SERVICE_TOKEN}
The Provider    endpoints.provider_url    Create Provider Identity
The Keys Of A Service    endpoints.provider_url    Token Should Be Valid    a.b.c    ${PROVIDER_URL}/keys
An Audience    endpoints.audience    Token Should Be Valid    a.b.c    {"keys": []}    audience=${AUDIENCE}
An Audience Elsewhere    endpoints.audience    Verify Token In Another Process    a.b.c    keys.json    audience=${AUDIENCE}
A Limit    limits.access_ttl    Get Platform Limit    access_ttl
Control    control.kill    Kill Service    auth
A Gapless Restart    control.replace    Restart Service Without Gap    auth
A Fault    net.faults    Cut Connection    backend->auth
A Log    control.logs    Get Service Log    auth
A Text In Logs    control.logs    No Service Log Should Contain    secret
Memory    platform.processes    Start Memory Watch    auth
The Process Of Redis    endpoints.redis_url    Get Process    redis


*** Keywords ***
Lacking
    [Arguments]    ${lacks}    ${keyword}    @{arguments}    &{named}
    VAR    ${LACKS}    ${lacks}    scope=TEST
    Run Keyword    ${keyword}    @{arguments}    &{named}
    Fail    ${lacks} is not missed

Undo What Was Never Done
    Log    the teardown began
    Kill Service    auth
    Fail    not reached
