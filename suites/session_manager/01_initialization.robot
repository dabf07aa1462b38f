*** Settings ***
Documentation       The session manager takes up its work whether its stores are there or not, says which one is missing, finds each when it
...                 comes, and goes by the declared limits unless set otherwise. Sources: docs/protocol.md §1 (health, a dependency that
...                 is away), §2.1 (clients and lifetimes) and §2.5; RFC 9110 §15.6.4 and §10.2.3 (503 with Retry-After).
Library             String
Library             BudgetLibrary
Resource            platform.resource
Resource            auth.resource
Resource            sessions.resource
Suite Setup         Open Private Platform    backends=1    SESSION_SWEEP=0.5
Suite Teardown      Leave Platform
Test Tags           session-manager    p0    needs:db.auth    needs:redis    needs:session.admin


*** Test Cases ***
Auth Is Ready With Redis And A Database
    [Tags]    id:M01-01    req:M01.1
    Auth Should See Its Dependencies    database=up    redis=up
    Create User With Session
    Stores Should Agree On Session
    Row Should Match Session
    Session Token Should Be Valid    ${SESSION}    source=redis
    Revoke Session    ${SESSION}
    Session Row Should Be    ${SESSION.session_id}    revoked
    Redis Should Hold Nothing Of Session

Auth Starts Without Its Stores And Recovers
    [Tags]    id:M01-02    req:M01.2    needs:control.kill    needs:control.restart    needs:control.logs
    Create User With Session
    Start Auth Without Its Stores
    Auth Should Report What Is Missing
    Every Call Should Be Refused Without Database
    Post Should Be Refused    /admin/locks/start    redis_unavailable    ttl=${5}
    Start Service    redis
    Start Service    postgres
    Auth Should See Its Dependencies    database=up    redis=up
    Auth Should Be Same Process
    Everything Should Be Good Again
    [Teardown]    Start Both Stores Again

Auth Without A Database Waits For It
    [Tags]    id:M01-03    req:M01.2    extra    needs:control.kill    needs:control.restart
    Create User With Session
    Kill Service    postgres
    Restart Service    auth
    Auth Should See Its Dependencies    database=down    redis=up
    Post Should Be Refused    /admin/sessions    database_unavailable    user_id=${USER_ID}    type=WEB
    Post Should Be Refused    /admin/sessions/validate    database_unavailable    session_token=unknown
    Start Service    postgres
    Auth Should See Its Dependencies    database=up    redis=up
    Everything Should Be Good Again
    [Teardown]    Start Both Stores Again

Auth Cleans Up Expired Sessions By Itself
    [Tags]    id:M08-01    req:M08.1    req:M01.2    extra    needs:control.kill
    Expired Session Should Be Swept
    Kill Service    postgres
    Auth Should See Its Dependencies    database=down    redis=up
    Restore Database
    Expired Session Should Be Swept
    [Teardown]    Start Both Stores Again

Auth Has The Declared Limits By Default
    [Tags]    id:M01-04    req:M01.3
    Login Should Live    web    WEB    access_ttl    session_idle    session_absolute
    Login Should Live    mobile    MOBILE    access_ttl    session_idle    session_absolute
    Login Should Live    api    API    access_ttl    session_idle    session_absolute
    Login Should Live    kiosk    WEB    short_access_ttl    short_session_idle    short_session_absolute
    Manager's Session Should Live    SSO    session_idle    session_absolute
    So Many Sessions Should Be Allowed    session_limit


*** Keywords ***
Expired Session Should Be Swept
    [Documentation]    A session that nobody asks for is eventually expired in its row and gone from its user's list in Redis.
    Create User With Session    idle_ttl=300ms
    Wait Until Keyword Passes    15s    Session Row Should Be    ${SESSION.session_id}    expired
    Redis Should Lose Session

Start Auth Without Its Stores
    [Documentation]    Redis and PostgreSQL die, and auth begins again without them: sets ``STARTED``, which process that is.
    Kill Service    redis
    Kill Service    postgres
    Restart Service    auth
    ${health} =    Service Should Be Ready    auth
    VAR    @{STARTED}    ${health}[start_id]    ${health}[pid]    scope=TEST

Auth Should Report What Is Missing
    [Documentation]    Auth's health says that both stores are down, and its log that it began without them.
    Auth Should See Its Dependencies    database=down    redis=down
    ${log} =    Get Service Log    auth
    ${reported} =    Get Lines Containing String    ${log}    "started_without"
    Should Contain    ${reported}    ["database", "redis"]    auth's log does not say what it was started without

Every Call Should Be Refused Without Database
    [Documentation]    Whatever is asked of auth, it says at once, by a code, that it needs its database, and when to come back.
    Post Should Be Refused    /admin/sessions    database_unavailable    user_id=${USER_ID}    type=WEB
    Post Should Be Refused    /admin/sessions/validate    database_unavailable    session_token=unknown
    Post Should Be Refused    /admin/sessions/refresh    database_unavailable    session_token=unknown
    Post Should Be Refused    /admin/sessions/${SESSION.session_id}/activity    database_unavailable
    Post Should Be Refused    /admin/sessions/cleanup    database_unavailable
    Post Should Be Refused    /auth/login    database_unavailable    email=nobody@example.test    password=not-a-password
    Post Should Be Refused    /auth/refresh    database_unavailable    refresh_token=unknown
    Get Should Be Refused    /admin/users/${USER_ID}/sessions    database_unavailable
    Get Should Be Refused    /admin/sessions/analytics    database_unavailable
    Get Should Be Refused    /.well-known/jwks.json    database_unavailable

Post Should Be Refused
    [Documentation]    Auth refuses a call for want of a store.
    [Arguments]    ${path}    ${code}    &{body}
    ${response} =    Post To    auth    ${path}    ${body}    ${SERVICE_TOKEN}    status=anything
    Answer Should Name Missing Store    ${response}    ${code}

Get Should Be Refused
    [Documentation]    Auth refuses a question for want of a store.
    [Arguments]    ${path}    ${code}
    ${response} =    Get From    auth    ${path}    ${SERVICE_TOKEN}    status=anything
    Answer Should Name Missing Store    ${response}    ${code}

Answer Should Name Missing Store
    [Documentation]    503 with this problem, which says when to come back, within five seconds.
    [Arguments]    ${response}    ${code}
    Should Be Equal As Integers    ${response.status_code}    503    ${response.url}, with a store missing, answers ${response.text}
    Answer Should Be Problem    ${response}    ${code}
    Should Be True    1 <= int($response.headers.get('Retry-After', 0)) <= 10    ${response.url} does not say when to come back
    Value Should Be Within Budget    time until ${response.url} refuses    ${response.elapsed.total_seconds()}    5s

Auth Should Be Same Process
    [Documentation]    Auth is the process that it was when it began without its stores.
    ${health} =    Service Should Be Ready    auth
    Should Be Equal    ${{ [$health['start_id'], $health['pid']] }}    ${STARTED}    auth is another process now

Everything Should Be Good Again
    [Documentation]    The session from before is found and is eventually in every store, and a new login is good.
    Redis Should Find Session Again
    Stores Should Agree On Session
    Sign In New User
    Auth Should See User Id    ${USER.id}
    Stores Should Agree On Session    ${USER}

Login Should Live
    [Documentation]    A login by this client makes a session of this type; it and its access token live as long as the limits of these
    ...    names say.
    [Arguments]    ${client_id}    ${type}    ${access}    ${idle}    ${absolute}
    Sign In New User    ${client_id}
    ${record} =    Get Session Record    ${USER}
    Should Be Equal    ${record}[type]    ${type}    the type of a session of ${client_id}
    Lifetimes Should Be    ${record}    ${idle}    ${absolute}
    ${seconds} =    Get Platform Limit    ${access}
    Token Lifetime Should Be    ${seconds}

Manager's Session Should Live
    [Documentation]    A session of this type that says nothing of its lifetimes has those that the limits of these names say.
    [Arguments]    ${type}    ${idle}    ${absolute}
    Create User With Session    type=${type}
    Lifetimes Should Be    ${SESSION.record}    ${idle}    ${absolute}

Lifetimes Should Be
    [Documentation]    A new session's idle and absolute end are as far from its beginning as the limits of these names say.
    [Arguments]    ${record}    ${idle}    ${absolute}
    FOR    ${name}    ${end}    IN    ${idle}    idle_expires_at    ${absolute}    absolute_expires_at
        ${wanted} =    Get Platform Limit    ${name}
        ${lives} =    Subtract Date From Date    ${record}[${end}]    ${record}[created_at]    exclude_millis=${True}
        Should Be Equal As Integers    ${lives}    ${wanted}    seconds from created_at to ${end} by the limit ${name}
    END

So Many Sessions Should Be Allowed
    [Documentation]    A user who makes one session more than the limit of this name has exactly as many as it says.
    [Arguments]    ${name}
    ${wanted} =    Get Platform Limit    ${name}
    Create User Without Session
    Repeat Keyword    ${wanted + 1} times    Create Managed Session    ${USER_ID}
    ${active} =    List User Sessions    ${USER_ID}
    Length Should Be    ${active}    ${wanted}    ${{ len($active) }} sessions are active, not ${wanted}

Start Both Stores Again
    [Documentation]    Starts the stores, and auth, where a test left them dead, waits until auth has found them, in word and in
    ...    deed, and connects again.
    FOR    ${instance}    IN    redis    postgres    auth
        Run Keyword And Ignore Error    Start Service    ${instance}
    END
    Auth Should See Its Dependencies    database=up    redis=up
    Wait Until Keyword Passes    15s    Create User Without Session
    Disconnect From All Databases
    Open Databases
