*** Settings ***
Documentation       While the circuit breaker is open auth is asked nothing, by none of those who have cause to, as auth itself sees it.
...                 Source: M. Nygard, Release It! (circuit breaker); docs/protocol.md §1 (metrics) and §3.1.
Resource            platform.resource
Resource            outage.resource
Resource            synchrony.resource
Suite Setup         Open Private Platform    BREAKER_THRESHOLD=3    BREAKER_TTL=60    INTROSPECTION_TTL=0.001
...                     proxies=backend->redis, auth->postgres, auth->redis
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       Run Keywords    Restore Services    AND    End Part
Test Tags           session-sync    p0    req:S10    needs:net.faults    needs:redis    needs:db.main


*** Test Cases ***
A Closed Breaker Lets Every Caller Through
    [Tags]    id:S10-05
    Sign In User And One Unknown To Backend
    Cut Connection    backend->redis
    Session Should Be Found By    introspected
    Each Caller Should Ask Auth

An Open Breaker Lets No Caller Through
    [Documentation]    It stays open for a minute, so this test comes last.
    [Tags]    id:S10-04
    Sign In User And One Unknown To Backend
    Cut Connection    backend->redis
    Session Should Be Found By    introspected
    Wait Until Keyword Passes    15s    Each Caller Should Ask Auth
    Make Auth Answer 503
    Repeat Keyword    4 times    Ask Under Id    ${ACCESS_TOKEN}
    Breaker Should Become    open
    No Caller Should Ask Auth


*** Keywords ***
Sign In User And One Unknown To Backend
    [Documentation]    A new user is signed in; ``UNSEEN`` is another one, whose row is taken from ``userbase`` before it is asked for.
    Sign In New User
    ${unseen} =    Create User
    VAR    ${UNSEEN}    ${unseen}    scope=TEST

No Caller Should Ask Auth
    [Documentation]    Auth's log names none of the requests, a second and more after the last ones; the breaker is open all the while.
    Wait Until Keyword Passes    5s    Should Be True    time.time() > ${ASKED_AT} + 1.1
    ${ids} =    Ask For What Only Auth Knows
    Breaker Should Become    open
    ${log} =    Read Log Of Auth
    FOR    ${path}    ${id}    IN    &{ids}
        ${asked} =    Read Lines Of Request    ${log}    ${id}    ${path}
        Should Be Empty    ${asked}    auth was asked ${path} while the breaker was open
    END
