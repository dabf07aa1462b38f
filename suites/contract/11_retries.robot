*** Settings ***
Documentation       A write is sent again only where that is safe, and where it is safe it is; a breaker that tries lets one through; a
...                 service without its neighbour says so, and blames nobody's token.
...                 Sources: RFC 9110 §9.2.2 (what may be repeated), §15.6.4 and §10.2.3 (503, Retry-After), M. Nygard, Release It! (circuit
...                 breaker); docs/protocol.md §1, §3.1 and §5.
Resource            retries.resource
Suite Setup         Open Private Platform    backends=2
...                     proxies=frontend->auth, frontend->backend, backend->auth, backend->redis, auth->postgres, auth->redis
...                     AUTH_TIMEOUT=8    BREAKER_THRESHOLD=2    BREAKER_TTL=0.3    INTROSPECTION_TTL=0.05
Suite Teardown      Leave Platform
Test Setup          Create User With Empty Conversation
Test Teardown       Restore Hops And Replicas
Test Tags           contract    p1    needs:net.faults    needs:replicas.2    needs:db.main


*** Test Cases ***
A Write Without Answer Is Repeated Only With A Key
    [Tags]    id:CT-37    req:C09.2    req:P07    proto:5.41    proto:R1.12
    Both Replicas Should Serve
    Writes Should Survive Lost Answers

A Write That Reached Nobody Goes To Another Replica
    [Tags]    id:CT-38    req:C09.2    req:P07    proto:5.42
    Both Replicas Should Serve
    Writes To Lost Replica Should Be Repeated

A Half-open Breaker Lets One Request Through
    [Tags]    id:CT-39    req:C06.3    req:C06.4    req:S10    proto:1.36
    Open Breaker With Load Users
    Half-open Breaker Should Ask Auth Once A Trial

A Replica That Starts Without Auth Blames No Token
    [Tags]    id:CT-40    req:C06.2    proto:2.3.17    proto:4.14    needs:control.restart    needs:ws
    Start Replica Without Auth
    Replica Should Report Auth Away
    Replica Should Accept Token After Heal

A Starting Replica Deletes Outdated Rows
    [Tags]    id:CT-41    req:S04    proto:3.3.03    proto:3.3.04    proto:3.3.05    needs:control.restart    needs:ws
    Store Outdated And Current Rows
    Restart Service    backend-2
    Only Current Rows Should Be Left

Health Names Only The Dependency That Is Away
    [Tags]    id:CT-42    req:H03    proto:1.32
    [Template]    Health Should Report Cut
    backend-1->redis     backend     database=up    redis=down
    frontend->backend    frontend    auth=up    backend=down
    frontend->auth       frontend    auth=down    backend=up
    auth->redis          auth        database=up    redis=down
