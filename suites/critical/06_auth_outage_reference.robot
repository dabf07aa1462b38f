*** Settings ***
Documentation       When auth is dead, hangs, is slow or fails, who is signed in notices nothing, who signs in is told at once, and its
...                 return mends everything by itself. Sources: RFC 9110 §15.6.4 and §10.2.3 (503, Retry-After), RFC 7662
...                 (introspection), M. Nygard, Release It! (circuit breaker).
Resource            platform.resource
Resource            outage.resource
Suite Setup         Open Private Platform    proxies=backend->auth, backend->redis, auth->postgres, auth->redis
...                     AUTH_TIMEOUT=${AUTH_TIMEOUT}    BREAKER_THRESHOLD=2    BREAKER_TTL=0.6    INTROSPECTION_TTL=0.05
...                     UPSTREAM_TIMEOUT=8
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Restore Connections
Test Tags           critical    p1    needs:replicas.2


*** Variables ***
${AUTH_TIMEOUT}     2


*** Test Cases ***
Provider Logins Fail Fast While Auth Is Away
    [Documentation]    These are sent to auth by another way than logins with a password are.
    [Tags]    id:C06-07    req:C06.2    needs:control.kill    needs:control.pause
    Kill Service    auth
    Provider Login Should Fail Within    2s
    Start Service    auth
    Pause Service    auth
    Provider Login Should Fail Within    5s
    Provider Login Should Fail Within    2s

The Circuit Breaker Opens, Tries And Closes
    [Documentation]    Without Redis every request needs auth's word. Auth is first slow, then it fails.
    [Tags]    id:C06-03    req:C06.3    proto:1.34    proto:1.35    proto:3.1.38    needs:net.faults
    Ask Backend For What Only Auth Knows
    Wait Until Breaker Is Closed
    Make Auth Too Slow
    Breaker Should Open And Only Token Count
    Breaker Should Become    half-open
    Make Auth Answer With Errors
    Breaker Should Have Changed    half-open    open    >=    2
    Restore Auth
    Breaker Should Close And Ask Auth Again
    Breaker Should Report One Outage

A Revoked Session Stays Refused Without Auth And Redis
    [Tags]    id:C06-04    req:C06.3    proto:3.1.38    proto:3.1.39    needs:net.faults    needs:redis    needs:db.main
    ${bystander} =    Create User
    Log Out
    Backend Should Know Of Revocation    ${ACCESS_TOKEN}
    Delete Redis Keys Of Auth    ${ACCESS_TOKEN}
    Delete Redis Keys Of Auth    ${bystander.access_token}
    Cut Connection    backend->auth
    Session Should Be Found At Once By    jwt-only    token=${bystander.access_token}
    Service Should Refuse Token    backend    /api/me    ${ACCESS_TOKEN}    session_revoked
    Service Should Refuse Token    backend-2    /api/me    ${ACCESS_TOKEN}    session_revoked

Load Users Do Not Overrun Auth At Its Return
    [Documentation]    Ten users' sessions are gone from Redis; each asks each replica five times at once, and auth takes its time. Auth
    ...    should hear of it once for each user and replica, not a hundred times.
    [Tags]    id:C06-05    req:C06.4    proto:3.1.37    needs:control.kill    needs:redis    needs:net.faults
    ${crowd} =    Create Load Users    10
    Userbase Should Hold    ${crowd}
    Flush Redis
    Kill Service    auth
    Every User Should Be Served By Token Alone    ${crowd}
    Start Service    auth
    Both Breakers Should Close
    Count Questions To Slower Auth
    Auth Should Know Every User Again    ${crowd}
    Auth Should Not Have Been Overrun    ${crowd}
