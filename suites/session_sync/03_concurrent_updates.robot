*** Settings ***
Documentation       Many users on many sockets write at once, over each other too: of conflicting writes one wins and each loser is
...                 told, and when all is quiet every view shows the same final state: stores, replicas and sockets.
...                 Sources: RFC 9110 §13.1.1 (If-Match), docs/protocol.md §2.6 (versions), §3.1 and §4 (state).
Resource            platform.resource
Resource            crowd.resource
Resource            synchrony.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          A Part Begins
Test Teardown       The Part Is Over
Test Tags           session-sync    p0    req:S03    req:S07    needs:ws    needs:session.admin    needs:replicas.2    needs:db.main


*** Test Cases ***
A Hundred Sessions Write And Find Their Own States
    [Tags]    id:S08-02    req:S08    part:own-state
    A Crowd Is Online    100
    Concurrent Sessions Should Be At Least    100
    Everybody Writes A State    5
    Everybody Finds His Own State    5
    The Main Database Holds Everybody's State    5

One Of Conflicting Writes Wins In Every View
    [Documentation]    Ten users, five writers each over one version, at both replicas and frontend, all at one instant; twice.
    [Tags]    id:S03-01    proto:4.62    part:conflicts
    A Crowd Is Online    10
    Everybody's Five Writers Collide Over Version    0
    Every View Shows The Winners    1
    Everybody's Five Writers Collide Over Version    1
    Every View Shows The Winners    2

Parallel Renames End As One Name Everywhere
    [Documentation]    Auth's writes: each of ten users is renamed four times in one moment, and each of those delivered to any replica.
    [Tags]    id:S03-02    part:final-state    needs:db.auth
    A Crowd Is Online    10
    Everybody Is Renamed At Once    4
    Every View Ends With The Same Name And Version
