*** Settings ***
Documentation       A session moves from one server to another: what it holds is stored before its server dies, the other instance takes
...                 it over while the first is dead, and nothing of it is lost or changed on the way, there and back.
...                 Sources: docs/protocol.md §4 (resume, state); the twelve-factor app, VI (processes share nothing, state is in a store).
Resource            platform.resource
Resource            restart.resource
Resource            synchrony.resource
Suite Setup         Use A Private Platform    backends=2
Suite Teardown      Leave The Platform
Test Setup          A Part Begins
Test Teardown       Run Keywords    Every Service Runs Again    AND    The Part Is Over
Test Tags           session-sync    p0    req:S02    req:S07    needs:ws    needs:ws.resume    needs:replicas.2    needs:control.kill


*** Test Cases ***
A Session Is Captured Whole Before Its Server Dies
    [Tags]    id:S02-01    proto:4.34    part:captured    needs:db.auth    needs:db.main    needs:redis
    Settle In
    What The User Holds Is In The Stores
    Kill Service    backend-1
    What The User Holds Is In The Stores
    Session Views Should Agree    ${USER}    places=${{ ['redis', 'redis ttl', 'redis index', 'auth db'] }}

Another Instance Recovers The Session While The First Is Dead
    [Tags]    id:S02-02    part:recovered
    Settle In
    Kill Service    backend-1
    Open Socket Was Closed With    1006    within=10s
    Come Back    socket at backend-2    ${BACKEND_2_SOCKET_URL}
    Socket Is Served By    socket at backend-2    backend-2
    Say    I have moved    socket at backend-2
    Hear    I have moved    socket at backend-2
    The State Can Be Written On From Version    1    socket at backend-2

There And Back The Data Are Preserved
    [Tags]    id:S02-03    part:preserved    needs:db.auth    needs:db.main
    Settle In
    Snapshot Both Databases
    Kill Service    backend-1
    Come Back    there    ${BACKEND_2_SOCKET_URL}
    Everything Is As It Was    there
    The Service Comes Back And The Other Dies    backend-1    backend-2
    Come Back    back    ${BACKEND_SOCKET_URL}
    Everything Is As It Was    back
    Rows Should Have Survived    ${AUTH_ROWS}
    Rows Should Have Survived    ${MAIN_ROWS}
