*** Settings ***
Documentation       A session made in auth is one and the same session for both databases, for Redis, for each replica of backend and for
...                 its sockets: equal when it begins, in step while it lives, gone from everywhere when it ends.
...                 Sources: docs/protocol.md §2.5, §2.6 and §4; OWASP ASVS 5.0 7.4.1 (an ended session is of no more use anywhere).
Resource            platform.resource
Resource            auth.resource
Resource            synchrony.resource
Suite Setup         The Cross-Service Test Begins
Suite Teardown      The Cross-Service Test Is Over
Test Setup          A Part Begins
Test Teardown       The Part Is Over
Test Tags           session-sync    p0    req:S01    req:S07    needs:ws    needs:session.admin


*** Test Cases ***
A Session Made In Auth Has Equal Content In Every View
    [Tags]    id:S01-01    part:content    needs:db.auth    needs:db.main    needs:redis
    Sign In A New User
    Every View Shows The Session At Each Door    ${USER}
    ${phone} =    Log In Again    ${USER}    client_id=mobile    device=phone
    Every View Shows The Session At Each Door    ${phone}
    ${managed} =    Create Managed Session    ${USER.id}    type=SSO    metadata=${{ {'tenant': 'Åre ✈'} }}    device=kiosk
    Every View Shows The Session At Each Door    ${managed}

What Changes In Auth Is Seen In Each Other View At Once
    [Documentation]    Three kinds of writes (a login, an end, a new name), each watched in each other view, hundreds of times; how the
    ...    latencies are spread is in the log, for each.
    [Tags]    id:S08-01    req:S08    req:S09    proto:2.6.03    part:changes
    Sign In A New User
    Open A Socket
    ${done} =    Measure Session Sync    ${USER}    rounds=16    socket=socket    within=15s
    Writes Seen Should Be All    ${done}
    Each View Is In Time
    Sync Latency Should Hold
