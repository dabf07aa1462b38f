*** Settings ***
Documentation       A session made in auth is one and the same session for both databases, for Redis, for each replica of backend and for
...                 its sockets: equal when it begins, in step while it lives, gone from everywhere when it ends.
...                 Sources: docs/protocol.md §2.5, §2.6 and §4; OWASP ASVS 5.0 7.4.1 (an ended session is of no more use anywhere).
Resource            platform.resource
Resource            auth.resource
Resource            synchrony.resource
Suite Setup         Begin Cross-Service Test
Suite Teardown      End Cross-Service Test
Test Setup          Begin Part
Test Teardown       End Part
Test Tags           session-sync    p0    req:S01    req:S07    needs:ws    needs:session.admin


*** Test Cases ***
A Session Made In Auth Has Equal Content In Backend
    [Tags]    id:S01-01    part:backend    needs:db.auth    needs:db.main
    Sign In With Sessions Of Each Kind
    FOR    ${session}    IN    @{SESSIONS}
        Places Should Show Session As Auth Does    ${session}    main db    backend-1    backend-2
    END

A Session Made In Auth Has Equal Content In Redis
    [Tags]    id:S01-04    part:redis    needs:db.auth    needs:redis
    Sign In With Sessions Of Each Kind
    FOR    ${session}    IN    @{SESSIONS}
        Places Should Show Session As Auth Does    ${session}    redis    redis ttl    redis index
    END

A Session Made In Auth Has Equal Content On Sockets
    [Tags]    id:S01-05    part:socket    needs:db.auth
    Sign In With Sessions Of Each Kind
    FOR    ${session}    IN    @{SESSIONS}
        Sockets Should Show Session As Auth Does    ${session}
    END

Every View Shows A Change In Auth At Once
    [Documentation]    Three kinds of writes (a login, an end, a new name), each watched in each other view, hundreds of times; how the
    ...    latencies are spread is in the log, for each.
    [Tags]    id:S08-01    req:S08    req:S09    proto:2.6.03    part:backend    part:redis    part:socket
    Sign In New User
    Open Chat Socket
    ${done} =    Measure Session Sync    ${USER}    rounds=16    socket=socket    within=15s
    Writes Seen Should Be All    ${done}
    Each View Should Be In Time
    Sync Latency Should Hold


*** Keywords ***
Begin Cross-Service Test
    [Documentation]    For a suite setup: the clock of the focused test's budget starts, and the shared platform is taken.
    Start Budget    cross-service test
    Open Shared Platform

End Cross-Service Test
    [Documentation]    For a suite teardown: the whole suite has taken no more than its budget, as long as the platform can tell how it was
    ...    used; then it is left. Where a test failed, how long it waited is its own affair, and reddens no other.
    TRY
        Run Keyword If All Tests Passed    Budget Should Hold    cross-service test
    FINALLY
        Leave Platform
    END

Sockets Should Show Session As Auth Does
    [Documentation]    A socket at each endpoint is of this session, is live, and agrees with auth and its database.
    [Arguments]    ${session}
    VAR    &{endpoints}    backend-1=${BACKEND_SOCKET_URL}    backend-2=${BACKEND_2_SOCKET_URL}    frontend=${SOCKET_URL}
    FOR    ${endpoint}    ${url}    IN    &{endpoints}
        ${welcome} =    Open Chat Socket    alias=view at ${endpoint}    token=${session.access_token}    url=${url}
        Should Be Equal    ${welcome}[session_id]    ${session.session_id}    the socket at ${endpoint} is of another session
        VAR    @{asked}    auth    auth db    socket
        Session Views Should Agree    ${session}    within=15s    socket=view at ${endpoint}    places=${asked}
        Session Should Be Live Everywhere    ${session}    socket=view at ${endpoint}
        Close Connection    view at ${endpoint}
    END

Writes Seen Should Be All
    [Documentation]    Each of the writes that `SessionLibrary.Measure Session Sync` made was seen; how many were goes to the result
    ...    summary.
    [Arguments]    ${done}
    Record Figure    sync writes made    ${done.made}
    Record Figure    sync writes seen    ${done.seen}
    Should Be Empty    ${done.missed}    ${{ len($done.missed) }} of ${done.made} writes: ${done.missed}
    Should Be True    $done.made >= 200    ${done.made} writes are too few to mention a 99th percentile

Each View Should Be In Time
    [Documentation]    In each other view the mean from each kind of change to its being seen there is within the budget; the log shows how
    ...    they are spread.
    FOR    ${view}    IN    redis    redis index    backend-1    backend-2
        Latencies Should Hold    sync latency of a new session in ${view}    mean    100ms
    END
    FOR    ${view}    IN    redis    redis index    main db    backend-1    backend-2
        Latencies Should Hold    sync latency of a session's end in ${view}    mean    100ms
    END
    FOR    ${view}    IN    main db    backend-1    backend-2    socket
        Latencies Should Hold    sync latency of a new name in ${view}    mean    100ms
    END

Sync Latency Should Hold
    [Documentation]    The mean from a write to its being seen is within the budget.
    ${figures} =    Latencies Should Hold    sync latency    mean
    Log    mean ${{ round(1000 * $figures.mean, 1) }} ms, own goal 20 ms
