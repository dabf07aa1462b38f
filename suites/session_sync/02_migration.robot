*** Settings ***
Documentation       A session moves from one server to another: what it holds is stored before its server dies, the other instance takes
...                 it over while the first is dead, and nothing of it is lost or changed on the way, there and back.
...                 Sources: docs/protocol.md §4 (resume, state); the twelve-factor app, VI (processes share nothing, state is in a store).
Resource            platform.resource
Resource            restart.resource
Resource            synchrony.resource
Suite Setup         Open Private Platform    backends=2
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       Run Keywords    Restore Services    AND    End Part
Test Tags           session-sync    p0    req:S02    req:S07    needs:ws    needs:ws.resume    needs:replicas.2    needs:control.kill


*** Test Cases ***
A Session Is Captured Whole Before Its Server Dies
    [Tags]    id:S02-01    proto:4.34    part:captured    needs:db.auth    needs:db.main    needs:redis
    Prepare User With Data
    Data Of User Should Be Stored
    Kill Service    backend-1
    Data Of User Should Be Stored
    Session Views Should Agree    ${USER}    places=${{ ['redis', 'redis ttl', 'redis index', 'auth db'] }}

Another Instance Recovers The Session While The First Is Dead
    [Tags]    id:S02-02    part:recovered
    Prepare User With Data
    Kill Service    backend-1
    Open Socket Should Be Closed With    1006    within=10s
    Reconnect And Resume    socket at backend-2    ${BACKEND_2_SOCKET_URL}
    Socket Should Be Served By    socket at backend-2    backend-2
    Send Chat Message    I have moved    socket at backend-2
    Receive Chat Message    I have moved    socket at backend-2
    State Should Be Writable From Version    1    socket at backend-2

There And Back The Data Are Preserved
    [Tags]    id:S02-03    part:preserved    needs:db.auth    needs:db.main
    Prepare User With Data
    Take Snapshot Of Both Databases
    Kill Service    backend-1
    Reconnect And Resume    there    ${BACKEND_2_SOCKET_URL}
    User Should See Everything Unchanged    there
    Start Service And Kill Other    backend-1    backend-2
    Reconnect And Resume    back    ${BACKEND_SOCKET_URL}
    User Should See Everything Unchanged    back
    Rows Should Have Survived    ${AUTH_ROWS}
    Rows Should Have Survived    ${MAIN_ROWS}


*** Keywords ***
Take Snapshot Of Both Databases
    [Documentation]    Every row of users, sessions and what belongs to them: sets ``AUTH_ROWS`` and ``MAIN_ROWS``.
    ${auth} =    Take Snapshot    ${AUTH_DB_URL}    @{AUTH_TABLES}
    ${main} =    Take Snapshot    ${MAIN_DB_URL}    @{MAIN_TABLES}
    VAR    ${AUTH_ROWS}    ${auth}    scope=TEST
    VAR    ${MAIN_ROWS}    ${main}    scope=TEST

Socket Should Be Served By
    [Documentation]    The instance that answers on this socket, where the session is live.
    [Arguments]    ${alias}    ${instance}
    ${me} =    Get Socket User    ${alias}
    Should Be Equal    ${me}[served_by]    ${instance}    the socket is served by another instance
    Should Be Equal    ${me}[session_id]    ${USER.session_id}    the socket is of another session
    Should Be Equal    ${me}[session_check]    live    the instance has found the session otherwise

Start Service And Kill Other
    [Documentation]    One instance is started again; the other is killed.
    [Arguments]    ${back}    ${dies}
    Start Service    ${back}
    Kill Service    ${dies}
