*** Settings ***
Documentation       What fails is sent and bounded: without Redis auth is asked, without auth the token alone uses; a flushed Redis
...                 ends no session and revives none; an auth that answers 5xx is not asked again and again.
...                 Sources: RFC 7662 (introspection), M. Nygard, Release It! (circuit breaker); docs/protocol.md §3.1.
Resource            platform.resource
Resource            outage.resource
Resource            synchrony.resource
Suite Setup         Open Private Platform    backends=2    AUTH_TIMEOUT=2    BREAKER_THRESHOLD=3    BREAKER_TTL=1    INTROSPECTION_TTL=0.05
...                     proxies=backend->redis, backend->auth, auth->postgres, auth->redis
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       Run Keywords    Restore Services    AND    End Part
Test Tags           session-sync    p0    req:S06    req:S07    needs:ws    needs:replicas.2    needs:net.faults    needs:redis


*** Test Cases ***
Token Checks Degrade Stepwise And Every Answer Declares It
    [Tags]    id:S10-01    req:S10    proto:3.1.36    proto:R3.07    needs:control.kill
    Sign In New User
    Every Answer Should Report Session Found    live
    Kill Service    redis
    Every Answer Should Report Session Found    introspected
    Cut Connection    backend->auth
    Every Answer Should Report Session Found    jwt-only
    Start Service    redis
    Heal Connection    backend->auth
    Every Answer Should Report Session Found    live
    Session Views Should Agree    ${USER}    within=15s

A Flushed Redis Ends No Session And Revives None
    [Tags]    id:S06-01    proto:R3.04    needs:db.auth
    Sign In New User
    Open Sockets At Every Endpoint
    Create User With Revoked Session
    Clear Redis Without Refused Request
    Every Answer Should Report Session Found    live
    Session Views Should Agree    ${USER}    within=15s    socket=user at frontend
    Every Service Should Refuse Token    ${GONE.access_token}    session_revoked
    Every Socket Should Be Open

A Failing Auth Is Asked A Bounded Number Of Times
    [Documentation]    A hundred requests, each of which needs auth's word; the breaker lets three failures through, then a trial a second.
    [Tags]    id:S10-02    req:S10
    Sign In New User
    Cut Connection    backend->redis
    Session Should Be Found By    introspected
    Make Auth Answer 503
    ${report} =    Ask Backend Many Times    100
    Every Answer Should Be    ${report}    200
    Session Should Be Found By    jwt-only
    Auth Should Be Asked As Often As Breaker Allows    ${report}
    Restore Auth
    Session Should Be Found By    introspected

Messages Of Two Replicas Keep Order While Redis Is Slow
    [Documentation]    What a replica has stored itself waits for what the other stored before, of which Redis tells it a second later.
    [Tags]    id:S06-06    proto:4.120
    Sign In New User
    Start Conversation
    Open Subscribed Sockets At Replicas
    Add Toxic    backend-2->redis    latency    latency=1s
    FOR    ${round}    IN RANGE    3
        Send Chat Message    first of ${round}    backend-1
        Send Chat Message    second of ${round}    backend-2
        Both Should Receive    first of ${round}    second of ${round}
    END
    Heal Connection    backend-2->redis

Every Replica Ends A Revoked Session Without Redis
    [Tags]    id:S06-07    proto:4.112
    Cut Connection    backend->redis
    FOR    ${_}    IN RANGE    3
        Sign In New User
        Open Socket At Replica    backend-1
        Open Socket At Replica    backend-2
        Post To    auth    /auth/logout    ${{ {} }}    ${ACCESS_TOKEN}    status=204
        Open Socket Should Be Closed With    4003    backend-1    within=2s
        Open Socket Should Be Closed With    4003    backend-2    within=2s
    END
    Heal Connection    backend->redis


*** Keywords ***
Open Socket At Replica
    [Documentation]    Opens a socket of the current user at this replica, under its name.
    [Arguments]    ${replica}
    Open Chat Socket    ${replica}    url=${{ $BACKEND_SOCKET_URL if $replica == 'backend-1' else $BACKEND_2_SOCKET_URL }}

Open Subscribed Sockets At Replicas
    [Documentation]    A socket of the current user at each replica, subscribed to their conversation.
    FOR    ${replica}    IN    backend-1    backend-2
        Open Socket At Replica    ${replica}
        Subscribe    ${replica}
    END

Both Should Receive
    [Documentation]    The sockets at both replicas get these messages, in this order and with nothing missing between them.
    [Arguments]    @{bodies}
    FOR    ${replica}    IN    backend-1    backend-2
        ${first} =    Receive Chat Message    ${bodies}[0]    ${replica}    within=10s
        ${second} =    Receive Chat Message    ${bodies}[1]    ${replica}    within=10s
        Should Be Equal    ${second}[seq]    ${first.seq + 1}    the seqs of two messages at ${replica}
    END

Clear Redis Without Refused Request
    [Documentation]    Everything that Redis held is gone: sessions, revocations, quotas. The current user asks all the while.
    Start Probe    flushed    ${BACKEND_URL}/api/me    ${ACCESS_TOKEN}    every=5ms
    Wait For Probe Answers    10
    Connect To Redis
    Flush Redis
    Disconnect From Redis
    Wait For Probe Answers    20
    ${report} =    Stop Probe    flushed
    Every Answer Should Be    ${report}    200

Every Socket Should Be Open
    [Documentation]    The user's socket at each endpoint answers, and is of their session.
    FOR    ${endpoint}    IN    backend-1    backend-2    frontend
        ${me} =    Get Socket User    user at ${endpoint}
        Should Be Equal    ${me}[session_id]    ${USER.session_id}    the socket at ${endpoint} is of another session
    END

Ask Backend Many Times
    [Documentation]    So many requests of the current user at the first replica, one after the other; sets ``ASKED``, how often auth had
    ...    been asked before, and returns the probe's report.
    [Arguments]    ${count: int}
    ${asked} =    Get Service Metric    auth    http_requests_total{route="/auth/introspect"}
    VAR    ${ASKED}    ${asked}    scope=TEST
    Start Probe    needy    ${BACKEND_URL}/api/me    ${ACCESS_TOKEN}    every=5ms
    Wait For Probe Answers    ${count}
    ${report} =    Stop Probe    needy
    RETURN    ${report}

Auth Should Be Asked As Often As Breaker Allows
    [Documentation]    It answered 503, three times until the replica's breaker opened, and once for every second since, with two to spare.
    [Arguments]    ${report}
    VAR    ${seconds}    ${{ $report.answers[-1].sent - $report.answers[0].sent }}
    VAR    ${most}    ${{ 3 + int($seconds) + 2 }}
    Should Be True    len($report.answers) > 2 * $most
    ...    ${{ len($report.answers) }} requests prove nothing where auth may be asked ${most} times
    Get Service Metric    auth    http_requests_total{route="/auth/introspect"}    <=    ${{ $ASKED + $most }}
    Get Service Metric    auth    http_requests_total{route="/auth/introspect",status="503"}    >=    1
