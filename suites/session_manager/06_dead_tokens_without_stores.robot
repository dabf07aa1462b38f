*** Settings ***
Documentation       Without Redis PostgreSQL alone says what is dead, and it is dead at once; what Redis still knew comes to nothing when
...                 it is back. Without PostgreSQL nothing changes, and anyone who wanted a change is notified.
...                 Sources: docs/protocol.md §1 and §2.5, RFC 7009 §2, RFC 9700 §4.14, OWASP ASVS 5.0 7.4.1.
Library             BudgetLibrary
Resource            sessions.resource
Resource            auth.resource
Suite Setup         Open Private Platform    backends=1    proxies=auth->redis, auth->postgres
Suite Teardown      Leave Platform
Test Setup          Create User With Session Of Ten Minutes
Test Teardown       Restore Both Stores
Test Tags           session-manager    p0    extra    needs:session.admin    needs:redis    needs:db.auth


*** Test Cases ***
Old Tokens Die At A Refresh Without Redis
    [Tags]    id:M05-13    req:M05.3    needs:control.kill
    Kill Service    redis
    ${renewed} =    Refresh Session Token    ${SESSION}
    Session Token Should Be Invalid    ${SESSION}    not_found    source=database
    Session Token Should Be Valid    ${renewed}[session_token]    source=database
    Session Manager Should Refuse    refresh    404    not_found    session_token=${SESSION.session_token.value}
    ${next} =    Refresh Tokens Of    ${SESSION}
    Get From    auth    /users/me    ${next}[access_token]
    Refresh Should Be Refused With    ${SESSION.refresh_token}    invalid_grant
    Session Token Should Be Invalid    ${renewed}[session_token]    revoked    source=database

With Redis Killed A Revoked Session Is Dead At Once
    [Tags]    id:M06-01    req:M06.1    req:M06.4    needs:control.kill    needs:db.main
    Session Should Be Live Everywhere    ${SESSION}    within=10s
    Kill Service    redis
    Revoke Session    ${SESSION}    stolen
    Revoked Session Should Be Dead At Auth
    Wait Until Session Is Gone Everywhere    ${SESSION}    within=10s    places=${{ ['auth', 'auth db', 'main db', 'backend-1'] }}
    Service Should Refuse Token    backend    /api/me    ${SESSION.access_token}    session_revoked

Each Session Is Judged Alone While Redis Is Dead
    [Documentation]    What backend remembers of one introspection is no other user's.
    [Tags]    id:M04-10    req:M04.4    needs:control.kill
    ${other} =    Create User
    Move Session Into Past    11min
    Kill Service    redis
    Get From    backend    /api/me    ${other.access_token}
    Service Should Refuse Token    backend    /api/me    ${SESSION.access_token}    session_expired
    Get From    backend    /api/me    ${other.access_token}

Introspection Is Cached While Redis Is Dead
    [Documentation]    It is believed for five seconds: a slow machine may see these end once.
    [Tags]    id:C06-06    req:C06.4    needs:control.kill
    Kill Service    redis
    Get From    backend    /api/me    ${SESSION.access_token}
    ${asked} =    Get Service Metric    auth    http_requests_total{route="/auth/introspect"}
    FOR    ${_}    IN RANGE    10
        Get From    backend    /api/me    ${SESSION.access_token}
    END
    Get Service Metric    auth    http_requests_total{route="/auth/introspect"}    <=    ${asked + 2}

Other Sessions Can Be Revoked At Once Without Redis
    [Tags]    id:M06-02    req:M06.5    req:M06.6    needs:control.kill
    ${current} =    Create Managed Session    ${USER_ID}
    Kill Service    redis
    ${revoked} =    Revoke User Sessions    ${USER_ID}    others    keep=${current}
    Should Be Equal    ${revoked}    ${1}    other than one session was counted as revoked
    Revoked Session Should Be Dead At Auth
    Session Token Should Be Valid    ${current}    source=database
    ${listed} =    List User Sessions    ${USER_ID}
    Should Be Equal    ${{ [one['session_id'] for one in $listed] }}    ${{ [$current.session_id] }}    other sessions are listed

With Redis Killed An Expired Session Cannot Be Kept Alive
    [Tags]    id:M04-11    req:M04.4    req:M05.5    needs:control.kill
    Move Session Into Past    11min
    Kill Service    redis
    Session Token Should Be Invalid    ${SESSION}    expired    source=database
    Session Manager Should Refuse    ${SESSION.session_id}/activity    409    session_expired
    Session Manager Should Refuse    refresh    409    session_expired    session_token=${SESSION.session_token.value}
    Refresh Should Be Refused With    ${SESSION.refresh_token}    invalid_grant

Activities Count Without Redis And Reach It Later
    [Tags]    id:M04-12    req:M04.4    needs:control.kill
    Move Session Into Past    8min
    Kill Service    redis
    Record Session Activity    ${SESSION}
    ${record} =    Record Session Activity    ${SESSION}
    Should Be Equal    ${record}[access_count]    ${2}    activities without Redis were counted otherwise
    Session Should Be Left To Live    idle=10min    absolute=8h
    Session Token Should Be Valid    ${SESSION}    source=database
    Start Service    redis
    Session Should Become Known To Redis    ${SESSION}
    Stores Should Agree On Session

A Spent Refresh Token Stays Spent After Auth Died
    [Documentation]    What auth itself remembers dies with it.
    [Tags]    id:M05-14    req:M05.3    needs:control.kill
    ${next} =    Refresh Tokens Of    ${SESSION}
    Kill Service    auth
    Start Service    auth
    Refresh Should Be Refused With    ${SESSION.refresh_token}    invalid_grant
    Refresh Should Be Refused With    ${next}[refresh_token]    invalid_grant
    Session Token Should Be Invalid    ${SESSION}    revoked

An Outdated Redis Revives No Replaced Token
    [Documentation]    Auth alone cannot reach Redis, which forgets nothing meanwhile.
    [Tags]    id:M05-15    req:M05.3    needs:net.faults
    Cut Connection    auth->redis
    ${renewed} =    Refresh Session Token    ${SESSION}
    Session Token Should Be Invalid    ${SESSION}    not_found    source=database
    Heal Connection    auth->redis
    Session Should Become Known To Redis    ${renewed}[session_token]
    Session Token Should Be Invalid    ${SESSION}    not_found
    Stores Should Agree On Session

An Outdated Redis Revives No Revoked Session
    [Documentation]    Auth alone cannot reach Redis, which forgets nothing meanwhile.
    [Tags]    id:M06-03    req:M06.1    req:M06.4    proto:2.5.48    needs:net.faults
    ${second_user} =    Create Managed Session    ${USER_ID}
    Cut Connection    auth->redis
    Revoke Session    ${SESSION}    stolen
    Revoked Session Should Be Dead At Auth
    Redis Key Should Exist    session:${SESSION.session_id}
    Heal Connection    auth->redis
    Session Should Become Known To Redis    ${second_user}
    Session Token Should Be Invalid    ${SESSION}    revoked
    Redis Should Hold Nothing Of Session
    Get Redis Value    session:revoked:${SESSION.session_id}    ==    stolen

Writes Are Refused Clearly Without PostgreSQL
    [Tags]    id:M04-13    req:M04.4    req:M06.4    needs:net.faults
    ${before} =    Get Session Row    ${SESSION.session_id}
    Cut Connection    auth->postgres
    Session Manager Should Refuse    ${SESSION.session_id}/activity    503    database_unavailable
    Session Manager Should Refuse    refresh    503    database_unavailable    session_token=${SESSION.session_token.value}
    Session Manager Should Refuse    ${SESSION.session_id}/revoke    503    database_unavailable
    Session Token Should Be Valid    ${SESSION}    source=redis
    Heal Connection    auth->postgres
    Only These Columns Should Have Changed    ${before}
    Wait Until Keyword Passes    10s    Stores Should Agree On Session


*** Keywords ***
Create User With Session Of Ten Minutes
    [Documentation]    A new user whose session lasts ten minutes when it is left alone, and eight hours at most.
    Create User With Session    idle_ttl=10min    absolute_ttl=8h

Revoked Session Should Be Dead At Auth
    [Documentation]    PostgreSQL calls its token revoked, its access token and its refresh token are refused.
    Session Token Should Be Invalid    ${SESSION}    revoked    source=database
    Service Should Refuse Token    auth    /users/me    ${SESSION.access_token}    session_revoked
    Refresh Should Be Refused With    ${SESSION.refresh_token}    invalid_grant

Session Should Become Known To Redis
    [Documentation]    Auth comes to trust Redis again and finds the session there.
    [Arguments]    ${session}
    Wait Until Keyword Passes    20s    Session Token Should Be Valid    ${session}    source=redis

Restore Both Stores
    [Documentation]    Every hop is whole, Redis runs, and auth trusts it.
    Heal All
    Run Keyword And Ignore Error    Start Service    redis
    Wait Until Keyword Passes    20s    Auth Should Work With Both Stores

Auth Should Work With Both Stores
    [Documentation]    A new session is made, and found in Redis.
    Create User With Session
    Session Token Should Be Valid    ${SESSION}    source=redis
