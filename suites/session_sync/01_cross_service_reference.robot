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
