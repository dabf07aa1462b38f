*** Settings ***
Documentation       The wall clock of one service steps by an hour, forwards or backwards, and is set right again: nothing ends for good
...                 that had not ended, nothing lives longer than it may, and no window opens again.
...                 Sources: RFC 7519 §4.1.4 to §4.1.6 (exp, nbf, iat), OWASP ASVS 5.0 7.3.1 and 7.3.2; docs/protocol.md §2.3, §2.5, §4.
Library             SessionLibrary
Resource            auth.resource
Resource            http.resource
Resource            older_redis.resource
Resource            platform.resource
Resource            refreshing.resource
Resource            socket.resource
Suite Setup         Open Private Platform    backends=2    clocks=True    LOGIN_FAILURE_LIMIT=3    RATE_WINDOW=600
Suite Teardown      Leave Platform
Test Setup          Sign In With Session To End
Test Teardown       Restore Clocks
Test Tags           fail-over    p1    req:K04    needs:control.clock    needs:session.admin    needs:replicas.2


*** Test Cases ***
A Clock That Runs Ahead Ends No Session For Good
    [Documentation]    While it does, auth refuses sessions that it takes for expired; it writes no such expiry down.
    [Tags]    id:K04-01    proto:2.5.56
    Set Clock    auth    1h
    Session Token Should Be Invalid    ${ENDED}    expired
    Sweep Should Expire Nothing
    Log In Again    ${USER}
    Reset Clock    auth
    Session Token Should Be Valid    ${ENDED}
    Get From    auth    /users/me    ${ACCESS_TOKEN}

Activity Under A Late Clock Shortens No Session
    [Tags]    id:K04-02    proto:2.5.57
    ${before} =    Get Idle Expiry    ${ENDED}
    Set Clock    auth    -1h
    Record Session Activity    ${ENDED}
    Refresh Tokens
    Idle Expiry Should Not Be Before    ${before}    ${ENDED}
    Reset Clock    auth
    Session Token Should Be Valid    ${ENDED}
    Refresh Tokens
    Every Service Should Accept Token

The Limit Ends Who Signed In First By Whatever Clock
    [Documentation]    The newest session was made while the clock lagged, and says so: it stays.
    [Tags]    id:K04-11    proto:2.5.04    proto:2.5.59
    ${limit} =    Get Platform Limit    session_limit
    FOR    ${_}    IN RANGE    ${limit - 3}
        Create Managed Session    ${USER.id}
    END
    Set Clock    auth    -10m
    ${newest} =    Create Managed Session    ${USER.id}
    Reset Clock    auth
    Create Managed Session    ${USER.id}
    Session Should Have Status    ${newest}    active
    Session Should Have Status    ${USER.session_id}    revoked

A Revocation Holds Whatever The Clock Of Auth
    [Documentation]    One session is ended while the clock lags, one while it runs ahead.
    [Tags]    id:K04-03    sec:S03    proto:3.1.40    proto:2.5.32
    ${late} =    Create Managed Session    ${USER.id}
    Get From    backend    /api/me    ${late.access_token}
    Set Clock    auth    -1h
    Revoke Session    ${late}
    Every Endpoint Should Answer 401    ${late.access_token}
    Set Clock    auth    1h
    Revoke Session    ${ENDED}
    Every Endpoint Should Answer 401    ${ENDED.access_token}
    Reset Clock    auth
    Sessions Should Stay Revoked    ${late}    ${ENDED}

Tokens Of A Wrong Clock Are Refused Until Refreshed
    [Documentation]    Issued in the future, or expired an hour ago: backend takes neither, and the session is none the worse.
    [Tags]    id:K04-04    proto:2.3.03    proto:2.3.04
    Set Clock    auth    1h
    Sign In New User
    Backend Should Refuse Token As    token_invalid
    Reset Clock    auth
    Refreshed Token Should Be Good
    Set Clock    auth    -1h
    Refresh Tokens
    Backend Should Refuse Token As    token_expired
    Reset Clock    auth
    Refreshed Token Should Be Good

A Clock Set Back Lets No Socket Outlive Its Token
    [Tags]    id:K04-05    proto:4.128    needs:ws    needs:jwt.short_lived
    Sign In New User For Seconds
    Open Chat Socket    url=${BACKEND_2_SOCKET_URL}
    Set Clock    backend-2    -1h
    Open Socket Should Be Closed With    4001    within=6s

A Replica With A Wrong Clock Refuses And Loses Nothing
    [Tags]    id:K04-06    proto:2.3.03    proto:4.110    needs:ws    needs:ws.resume
    Keep Conversation At Second Replica
    Set Clock    backend-2    1h
    Open Socket Should Be Closed With    4001    within=2s
    Service Should Refuse Token    backend-2    /api/me    ${ACCESS_TOKEN}    token_expired
    Set Clock    backend-2    -1h
    Service Should Refuse Token    backend-2    /api/me    ${ACCESS_TOKEN}    token_invalid
    Send Message At First Replica
    Reset Clock    backend-2
    Resume Should Replay What Was Missed

Locked Out Accounts Stay So Through Clock Steps
    [Tags]    id:K04-07    proto:3.2.09    proto:3.2.12
    Use Up Password Attempts
    Password Attempt Should Be Throttled
    Set Clock    auth    1h
    Password Attempt Should Be Throttled
    Set Clock    auth    -1h
    Password Attempt Should Be Throttled

A Clock Set Back Opens No Retry Window Again
    [Documentation]    A refresh may be repeated under its key for a minute, and not for an hour and a minute.
    [Tags]    id:K04-08    proto:2.3.36    proto:2.3.41
    ${key} =    Get Random UUID
    ${successor} =    Refresh Should Give    ${REFRESH_TOKEN}    ${key}
    Refresh Should Give    ${REFRESH_TOKEN}    ${key}    successor=${successor}
    Set Clock    auth    -1h
    Refresh Should End Family    ${REFRESH_TOKEN}    ${key}


*** Keywords ***
Restore Clocks
    [Documentation]    For a teardown: the clocks that tests set are the machine's again.
    Close All Connections
    Reset Clock    auth    backend-1    backend-2

Sweep Should Expire Nothing
    [Documentation]    Auth, asked to sweep, marks no session as expired.
    ${response} =    Post To    auth    /admin/sessions/cleanup    ${{ {} }}    ${SERVICE_TOKEN}
    Should Be Equal As Integers    ${response.json()}[expired]    0    a clock that runs ahead has ended sessions for good

Idle Expiry Should Not Be Before
    [Documentation]    A session expires no sooner than it did.
    [Arguments]    ${before}    ${session}
    ${now} =    Get Idle Expiry    ${session}
    Should Be True    $now >= $before    an activity has moved the idle expiry back from ${before} to ${now}

Sessions Should Stay Revoked
    [Documentation]    Every service refuses the access tokens of these sessions as revoked, and so does the manager their session tokens.
    [Arguments]    @{sessions}
    FOR    ${session}    IN    @{sessions}
        Every Service Should Refuse Token    ${session.access_token}    session_revoked
        Session Token Should Be Invalid    ${session}    revoked
        Redis Key Should Exist    session:revoked:${session.session_id}
    END

Keep Conversation At Second Replica
    [Documentation]    A socket at the second replica with a message: sets ``CLIENT_ID`` and ``POSITIONS``.
    Start Conversation
    ${welcome} =    Open Chat Socket    url=${BACKEND_2_SOCKET_URL}
    ${ack} =    Send Chat Message    Before the step
    VAR    ${CLIENT_ID}    ${welcome}[client_id]    scope=TEST
    VAR    ${POSITIONS}    ${{ {$CONVERSATION: {'epoch': $ack['epoch'], 'seq': $ack['seq']}} }}    scope=TEST

Send Message At First Replica
    [Documentation]    The user goes on at the replica whose clock is right.
    Open Chat Socket    first    url=${BACKEND_SOCKET_URL}
    Send Chat Message    Meanwhile    first

Resume Should Replay What Was Missed
    [Documentation]    At the second replica the stream goes on where it was left, with the message that was missed.
    Open Chat Socket    again    url=${BACKEND_2_SOCKET_URL}    client_id=${CLIENT_ID}
    ${resumed} =    Resume    ${CLIENT_ID}    ${POSITIONS}    again
    Should Be Equal    ${{ ($resumed['recovered'], $resumed['replayed']) }}    ${{ (True, 1) }}    what was missed is not replayed

Use Up Password Attempts
    [Documentation]    So many wrong passwords of the user as one may try in a window.
    Send Wrong Password    401
    Send Wrong Password    401
    Send Wrong Password    401

Get Idle Expiry
    [Documentation]    The moment at which a session expires if it is left alone, as auth's record has it.
    [Arguments]    ${session}
    ${record} =    Get Session Record    ${session}
    RETURN    ${record}[idle_expires_at]

Every Endpoint Should Answer 401
    [Documentation]    Auth, both replicas and frontend refuse a token, for whatever reason.
    [Arguments]    ${token}
    Get From    auth    /users/me    ${token}    status=401
    Get From    backend    /api/me    ${token}    status=401
    Get From    backend-2    /api/me    ${token}    status=401
    Get From    frontend    /api/me    ${token}    status=401

Refreshed Token Should Be Good
    [Documentation]    The session goes on: its next token is good everywhere.
    Refresh Tokens
    Every Service Should Accept Token

Backend Should Refuse Token As
    [Documentation]    Both replicas refuse the current token with this problem.
    [Arguments]    ${code}
    Service Should Refuse Token    backend    /api/me    ${ACCESS_TOKEN}    ${code}
    Service Should Refuse Token    backend-2    /api/me    ${ACCESS_TOKEN}    ${code}

Password Attempt Should Be Throttled
    [Documentation]    The next attempt is refused until the window ends.
    ${response} =    Send Wrong Password    429
    Should Be True    int($response.headers['Retry-After']) > 300    the window is shorter than it was: ${response.headers}[Retry-After] s

Send Wrong Password
    [Documentation]    One login of the user with a wrong password; returns the answer, which has this status.
    [Arguments]    ${status}
    VAR    &{login}    email=${USER.email}    password=wrong-password
    ${response} =    Post To    auth    /auth/login    ${login}    status=${status}
    RETURN    ${response}

Session Should Have Status
    [Documentation]    Auth's record of a session has this status.
    [Arguments]    ${session}    ${status}
    ${record} =    Get Session Record    ${session}
    Should Be Equal    ${record}[status]    ${status}    the status of a session
