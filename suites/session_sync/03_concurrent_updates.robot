*** Settings ***
Documentation       Many users on many sockets write at once, over each other too: of conflicting writes one wins and each loser is
...                 told, and when all is quiet every view shows the same final state: stores, replicas and sockets.
...                 Sources: RFC 9110 §13.1.1 (If-Match), docs/protocol.md §2.6 (versions), §3.1 and §4 (state).
Resource            platform.resource
Resource            crowd.resource
Resource            synchrony.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       End Part
Test Tags           session-sync    p0    req:S03    req:S07    needs:ws    needs:session.admin    needs:replicas.2    needs:db.main


*** Test Cases ***
A Hundred Sessions Write And Find Their Own States
    [Tags]    id:S08-02    req:S08    part:own-state
    Open Sockets Of Load Users    100
    Concurrent Sessions Should Be At Least    100
    Write State Of Every User    5
    Every User Should Find Own State    5
    Main Database Should Hold Every State    5

One Of Conflicting Writes Wins In Every View
    [Documentation]    Ten users, five writers each over one version, at both replicas and frontend, all at one instant; twice.
    [Tags]    id:S03-01    proto:4.62    part:conflicts
    Open Sockets Of Load Users    10
    Make Five Writers Of Each User Collide    0
    Every View Should Show Winners    1
    Make Five Writers Of Each User Collide    1
    Every View Should Show Winners    2

Parallel Renames End As One Name Everywhere
    [Documentation]    Auth's writes: each of ten users is renamed four times in one moment, and each of those delivered to any replica.
    [Tags]    id:S03-02    part:final-state    needs:db.auth
    Open Sockets Of Load Users    10
    Rename Every User At Once    4
    Every View Should End With Same Name
