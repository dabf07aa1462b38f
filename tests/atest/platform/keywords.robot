*** Settings ***
Documentation       Keywords on a platform of their own; each test's documentation says its verdict and message.
Library             PlatformLibrary
Library             Collections
Suite Setup         Use Private Platform    proxies=backend->redis, client->backend    ACCESS_TTL=5


*** Variables ***
@{NOTHING}          ${None}    ${EMPTY}


*** Test Cases ***
Suite Variables Are Set
    Should Match Regexp    ${PUBLIC_URL}    ^https://127\\.0\\.0\\.1:\\d+$
    Should Be Equal    ${PUBLIC_URL}    ${FRONTEND_URL}
    Should Match Regexp    ${SOCKET_URL}    ^wss://127\\.0\\.0\\.1:\\d+/ws$
    Should Not Be Equal    ${BACKEND_URL}    ${BACKEND_2_URL}
    Should Match Regexp    ${BACKEND_2_SOCKET_URL}    ^ws://127\\.0\\.0\\.1:\\d+/ws$
    Should Match Regexp    ${AUTH_DB_URL}    ^postgresql://.*/auth$
    Should Match Regexp    ${MAIN_DB_URL}    ^postgresql://.*/main$
    Should Match Regexp    ${REDIS_URL}    ^redis://127\\.0\\.0\\.1:\\d+/0$
    Should Be Equal    ${ISSUER}    ${PUBLIC_URL}
    FOR    ${value}    IN    ${CA_FILE}    ${SIGNING_KEY_FILE}    ${SIGNING_KID}    ${SERVICE_TOKEN}    ${PROVIDER_URL}
        Should Not Contain    ${NOTHING}    ${value}
    END

The Service Credential Is In No Output
    Log    ${SERVICE_TOKEN.value}
    Log    token=${SERVICE_TOKEN.value}

Limits Are Those Of The Platform
    ${ttl} =    Get Platform Value    limits.access_ttl
    Should Be Equal As Integers    ${ttl}    5

An Unknown Platform Value
    [Documentation]    FAIL PlatformError: the platform has no value 'limits.colour'; there is access_ttl, *
    Get Platform Value    limits.colour

A Stopped Service Does Not Answer And Comes Back
    ${taken} =    Stop Service    backend-1
    Should Be True    0 < ${taken} < 10
    Service Should Not Answer    backend-1
    Start Service    backend-1
    ${answer} =    Service Should Be Ready    backend-1
    Should Be Equal    ${answer}[instance]    backend-1

A Stopped Service Is Not Ready
    [Documentation]    FAIL /health of provider did not become 200 in 300 ms; last seen: *refused*
    Stop Service    provider
    Service Should Be Ready    provider    within=300ms

A Ready Service Does Answer
    [Documentation]    FAIL /health of auth did not become silent in 200 ms; last seen: *200*
    Service Should Not Answer    auth    within=200ms

A Paused Service Is Silent Until Resumed
    Pause Service    auth
    Service Should Not Answer    auth    within=4s
    Resume Service    auth
    Service Should Be Ready    auth

A Metric Is Read With Its Labels
    Get Service Metric    backend-1    circuit_breaker_state{name="auth",state="closed"}    ==    1
    Get Service Metric    backend-1    circuit_breaker_state{state="open"}    ==    0
    Get Service Metric    backend-1    circuit_breaker_state    ==    1
    Get Service Metric    backend-1    http_requests_total{route="/metrics"}    >    0    within=5s

A Metric With Another Value
    [Documentation]    FAIL circuit_breaker_state{state="open"} of backend-1 did not become == '1' in 200 ms; last seen: *0*
    Get Service Metric    backend-1    circuit_breaker_state{state="open"}    ==    1    within=200ms

A Metric That Is Not There
    [Documentation]    FAIL there is no metric circuit_breaker_state{state="ajar"}; there is circuit_breaker_state{*
    Get Service Metric    backend-1    circuit_breaker_state{state="ajar"}    ==    1

Services Restart
    Restart Service    redis
    Restart Service Without Gap    backend-2
    Kill Service    postgres
    Start Service    postgres
    Service Should Be Ready    backend-2

A Restart Is Another Process
    [Documentation]    PASS
    FOR    ${instance}    IN    backend-1    redis    postgres
        ${before} =    Get Process    ${instance}
        Restart Service    ${instance}
        Process Should Have Been Replaced    ${before}
        ${now} =    Get Process    ${instance}
        Should Be True    $before.pid != $now.pid and $before.start_id != $now.start_id and $now.lives
    END

No Restart Is No Other Process
    [Documentation]    FAIL auth was not restarted: process * serves as before
    ${before} =    Get Process    auth
    Process Should Have Been Replaced    ${before}

A Process That Lives On Was Not Replaced
    [Documentation]    FAIL auth is served by process *, but * lives on
    ${frontend} =    Get Process    frontend
    ${before} =    Evaluate    PlatformLibrary.processes.ServerProcess('auth', 'other', $frontend.pid, $frontend.local)
    ...    modules=PlatformLibrary.processes
    Process Should Have Been Replaced    ${before}

Who Is Away Does Not Say Who He Is
    [Documentation]    FAIL who serves as redis did not become known in 200 ms; last seen: PlatformError: redis does not say who it is: *
    Stop Service    redis
    Get Process    redis    within=200ms
    [Teardown]    Start Service    redis

An Unknown Instance
    [Documentation]    FAIL PlatformError: the platform has no instance 'backend-9'; there are provider, auth, backend-1, *
    Kill Service    backend-9

Hops Are Disturbed And Healed
    Cut Connection    client->backend-1
    Service Should Not Answer    backend-1
    Heal Connection    client->backend-1
    Service Should Be Ready    backend-1
    Silence Connection    client->backend-2
    Service Should Not Answer    backend-2    within=4s
    Heal All
    Service Should Be Ready    backend-2
    Delay Connection    client->backend-2    200ms
    Service Should Be Ready    backend-2
    Reset Connection    client->backend-2
    Heal All

A Hop Without A Proxy
    [Documentation]    FAIL PlatformError: no fault proxy is on 'auth->redis': ask for it when the platform is made *
    Cut Connection    auth->redis

An Unknown Option
    [Documentation]    FAIL PlatformError: unknown option 'backend': options are backends, *settings are in capitals
    Use Private Platform    alias=other    backend=3

An Unknown Alias
    [Documentation]    FAIL PlatformError: no platform 'other' is in use: there are main
    Switch Platform    other

A Text In A Log Is Found
    [Documentation]    FAIL the text is in the log of postgres
    No Service Log Should Contain    starting PostgreSQL

A Text In No Log Is Not Found
    No Service Log Should Contain    ${SERVICE_TOKEN}
    ${log} =    Get Service Log    postgres
    Should Contain    ${log}    starting PostgreSQL

A Second Platform Stands Beside The First
    VAR    ${first}    ${AUTH_URL}
    Use Private Platform    alias=second    backends=1
    Should Not Be Equal    ${AUTH_URL}    ${first}
    Should Not Be True    $BACKEND_2_URL
    Switch Platform    main
    Should Be Equal    ${AUTH_URL}    ${first}
    Release Platform    second
    Service Should Be Ready    auth

A Shared Platform Is Not Disturbed
    [Documentation]    FAIL PlatformError: stop auth would disturb other suites: call Use Private Platform first
    [Teardown]    Release Platform
    Release Platform
    Use Shared Platform
    Stop Service    auth

Nothing Is In Use After A Release
    [Documentation]    FAIL PlatformError: no platform 'main' is in use: call Use Shared Platform or Use Private Platform first
    Service Should Be Ready    auth
