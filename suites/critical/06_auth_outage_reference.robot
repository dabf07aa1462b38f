*** Settings ***
Documentation       When auth is dead, hangs, is slow or fails, who is signed in notices nothing, who signs in is notified at once, and its
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
    ...    should be notified of it once for each user and replica, not a hundred times.
    [Tags]    id:C06-05    req:C06.4    proto:3.1.37    needs:control.kill    needs:redis    needs:net.faults
    ${load_users} =    Create Load Users    10
    Userbase Should Hold    ${load_users}
    Flush Redis
    Kill Service    auth
    Every User Should Be Served By Token Alone    ${load_users}
    Start Service    auth
    Both Breakers Should Close
    Count Questions To Slower Auth
    Auth Should Know Every User Again    ${load_users}
    Auth Should Not Have Been Overrun    ${load_users}


*** Keywords ***
Ask Backend For What Only Auth Knows
    [Documentation]    Takes Redis away from backend and asks on and on as the current user, so that every answer needs auth.
    Cut Connection    backend->redis
    Session Should Be Found By    introspected
    Start Probe    needy    ${BACKEND_URL}/api/me    ${ACCESS_TOKEN}

Breaker Should Open And Only Token Count
    [Documentation]    The breaker is eventually open; requests do not wait for auth, are answered, and the answer says by what.
    Breaker Should Become    open
    No User Should Wait For Auth
    Session Should Be Found By    jwt-only

Breaker Should Close And Ask Auth Again
    [Documentation]    The breaker is eventually closed, auth is asked again, and not one request failed since the first.
    Breaker Should Become    closed
    Session Should Be Found By    introspected
    ${report} =    Stop Probe    needy
    Every Answer Should Be    ${report}    200

Breaker Should Report One Outage
    [Documentation]    It opened once, tried at least twice (a failed and a good trial), and closed once: the only order these allow is
    ...    closed, open, half-open, open …, half-open, closed.
    Breaker Should Have Changed    closed    open    ==    1
    ${failed} =    Breaker Should Have Changed    half-open    open    >=    1
    Breaker Should Have Changed    open    half-open    ==    ${failed + 1}
    Breaker Should Have Changed    half-open    closed    ==    1

No User Should Wait For Auth
    [Documentation]    Of three requests in a row, each is answered in less time than a call of auth may take, but for the one that the
    ...    breaker may let through to try.
    VAR    @{times}    @{EMPTY}
    FOR    ${_}    IN RANGE    3
        ${answer} =    Get From    backend    /api/me    ${ACCESS_TOKEN}
        VAR    @{times}    @{times}    ${answer.elapsed.total_seconds()}
    END
    Value Should Be Within Budget    slower of two requests with the breaker open    ${{ sorted($times)[1] }}    ${{ ${AUTH_TIMEOUT} / 2 }}

Make Auth Too Slow
    [Documentation]    What backend and auth say to each other takes longer than backend waits.
    Delay Connection    backend->auth    5s

Every User Should Be Served By Token Alone
    [Documentation]    One volley of every user in which every session is found by its token alone.
    [Arguments]    ${users}
    ${ways} =    Ask For Every User At Once    ${users}
    Should Be Equal    ${ways}    ${{ {'jwt-only'} }}

Count Questions To Slower Auth
    [Documentation]    Auth's answers take so long that questions of one instant overlap. Sets ``ASKED``, how often it has been asked for
    ...    a session, and ``VOLLEYS`` to none.
    Delay Connection    backend->auth    100ms
    ${asked} =    Get Service Metric    auth    http_requests_total{route="/auth/introspect"}
    VAR    ${ASKED}    ${asked}    scope=TEST
    VAR    ${VOLLEYS}    ${0}    scope=TEST

Auth Should Know Every User Again
    [Documentation]    Each user's session is eventually found by introspection, or live because auth has put it back into Redis. The first
    ...    volley is judged by itself: once auth is overrun, the next ones do not ask it.
    [Arguments]    ${users}
    Volley Should Be Answered    ${users}
    Auth Should Not Have Been Overrun    ${users}
    Wait Until Keyword Passes    15s    No User Should Be Served By Token Alone    ${users}

No User Should Be Served By Token Alone
    [Documentation]    One volley of every user in which no session is found by its token alone.
    [Arguments]    ${users}
    ${ways} =    Volley Should Be Answered    ${users}
    Should Not Contain    ${ways}    jwt-only
