*** Settings ***
Documentation       A session is made for each sort of client, kept alike in Redis and PostgreSQL, never one more than a user may have, also
...                 while Redis is away; its tokens cannot be guessed. Sources: docs/protocol.md §2.1 and §2.5, OWASP ASVS 5.0 7.1.2
...                 (parallel sessions), 7.2.3 (128 bits of entropy), RFC 6749 §10.10 (credentials that cannot be guessed).
Library             ProbeLibrary
Resource            platform.resource
Resource            auth.resource
Resource            sessions.resource
Suite Setup         Open Private Platform    backends=1
Suite Teardown      Leave Platform
Test Tags           session-manager    p0    needs:db.auth    needs:redis    needs:session.admin


*** Test Cases ***
A Web Session Is The Same In Every Store
    [Tags]    id:M02-01    req:M02.1    req:M15    proto:2.5.01    proto:2.5.03
    Login Should Make Session    web    WEB
    Session Manager Should Make Session    WEB    web

A Mobile Session Is The Same In Every Store
    [Tags]    id:M02-02    req:M02.2    proto:2.5.01    proto:2.5.03
    Login Should Make Session    mobile    MOBILE
    Login Should Keep Device And Fingerprint
    Session Manager Should Make Session    MOBILE    mobile

An Api Session Is The Same In Every Store
    [Tags]    id:M02-03    req:M02.3    proto:2.5.01    proto:2.5.03
    Login Should Make Session    api    API
    Session Manager Should Make Session    API    api

An Sso Session Is The Same In Every Store
    [Tags]    id:M02-04    req:M02.4    proto:2.5.01    proto:2.5.03
    Session Manager Should Make Session    SSO    web

Only Existing Active Users Get A Session
    [Tags]    id:M02-05    req:M02.1    extra
    ${unknown} =    Get Random UUID
    No Session Should Be Made For    ${unknown}    404    not_found
    Create User Without Session
    Post To    auth    /admin/users/${USER_ID}/deactivate    ${{ {} }}    ${SERVICE_TOKEN}
    No Session Should Be Made For    ${USER_ID}    403    account_disabled

Metadata Is Stored Unchanged With Its Own Session
    [Tags]    id:M02-06    req:M02.5    req:M15
    VAR    &{metadata}    theme=dark    cart=${{ [1, 2.5, {'sku': None}] }}    flags=${{ {'beta': True, '': []} }}    session_id=mine
    Create User With Session    metadata=${metadata}
    Metadata Should Be    ${metadata}
    Record Session Activity    ${SESSION}
    Metadata Should Be    ${metadata}
    ${plain} =    Create Managed Session    ${USER_ID}
    Metadata Should Be    ${{ {} }}    ${plain}
    Login Should Keep Metadata    ${metadata}

A Fingerprint Is Stored Only As Its Hash
    [Tags]    id:M02-07    req:M02.6
    VAR    ${traits}    Firefox 140; 2560x1440; Europe/Vilnius
    Create User With Session    fingerprint=${traits}
    Should Match Regexp    ${SESSION.record}[fingerprint]    ^[0-9a-f]{64}$    no hash stands for the device
    Stores Should Agree On Session
    Session Token Should Be Valid    ${SESSION}    fingerprint=${traits}
    No Store Should Hold    ${traits}
    ${free} =    Create Managed Session    ${USER_ID}
    Should Be Equal    ${free.record}[fingerprint]    ${None}    a session made without a fingerprint has one

Parallel Logins Keep The Limit And Replace The Oldest
    [Tags]    id:M02-08    req:M02.7    proto:2.5.04    sec:S07
    Sign In New User
    Log In At Once    20
    ${limit} =    Get Platform Limit    session_limit
    Active Sessions Should Never Exceed Limit    ${limit}
    Newest Sessions Should Be Active    ${limit}
    Redis Should List Active Sessions
    Tokens Should Be Good For Active Sessions Only

An Expired Session Makes Room And Is Not Called Revoked
    [Tags]    id:M02-09    req:M02.7    extra
    Create User With Session
    Move Session Into Past    2 days
    Use Session Limit Up
    Sessions Made Last Should Be Active
    Session Row Should Be    ${SESSION.session_id}    expired
    Redis Should Hold Nothing Of Session

Sessions Are Created And Found While Redis Is Dead
    [Tags]    id:M02-10    req:M02.8    needs:control.kill
    Kill Service    redis
    VAR    &{metadata}    made=while Redis was dead
    Create User With Session    type=MOBILE    metadata=${metadata}
    Row Should Match Session
    ${found} =    Session Token Should Be Valid    ${SESSION}    source=database
    Should Be Equal    ${found}    ${SESSION.record}    the database gives another session than was made
    Login Should Be Valid At Auth
    Start Service    redis
    Redis Should Find Session Again
    Stores Should Agree On Session
    [Teardown]    Restore Redis For Auth

The Limit Holds While Redis Is Frozen
    [Tags]    id:M02-11    req:M02.8    extra    needs:control.pause
    Create User With Session
    Pause Service    redis
    Use Session Limit Up
    Sessions Made Last Should Be Active
    Session Token Should Be Invalid    ${SESSION}    reason=revoked    source=database
    Resume Service    redis
    Redis Should Find Session Again    ${MADE}[-1]
    Session Token Should Be Invalid    ${SESSION}    reason=revoked
    Redis Should Hold Nothing Of Session
    [Teardown]    Restore Redis For Auth

A Thousand Logins Yield Unique Unguessable Tokens
    [Tags]    id:M02-12    req:M02.9    sec:S02
    ${users} =    Create Load Users    1000
    Secrets Should Be Unguessable    ${{ [user.refresh_token for user in $users] }}    refresh tokens    bits=128
    Secrets Should Be Unguessable    ${{ [user.session_id.replace('-', '') for user in $users] }}    session ids    bits=100
    ${tokens} =    Get Session Tokens Of    ${users}[:128]
    Secrets Should Be Unguessable    ${tokens}    session tokens    bits=128

An Expired Session Pushes No Other Out
    [Documentation]    Only what is active counts against the limit, also before what has expired was swept.
    [Tags]    id:M02-13    req:M02.7    proto:2.5.04
    Sign In New User
    ${limit} =    Get Platform Limit    session_limit
    FOR    ${_}    IN RANGE    ${limit - 1}
        ${newest} =    Create Managed Session    ${USER.id}
    END
    VAR    ${expiry}    UPDATE sessions SET idle_expires_at = now() - interval '1 second'
    Execute Sql String    ${expiry} WHERE id = '${newest.session_id}'    alias=auth
    Create Managed Session    ${USER.id}
    Session Row Should Be    ${USER.session_id}    active

The Oldest Session Makes Room However Active It Is
    [Documentation]    The second oldest is idle, of another client, and ends sooner by itself: it stays.
    [Tags]    id:M02-14    req:M02.7    proto:2.5.04
    Sign In New User
    ${second} =    Create Managed Session    ${USER.id}    type=MOBILE    idle_ttl=60 seconds
    ${limit} =    Get Platform Limit    session_limit
    FOR    ${_}    IN RANGE    ${limit - 2}
        Create Managed Session    ${USER.id}
    END
    Post To    auth    /admin/sessions/${USER.session_id}/activity    ${{ {} }}    ${SERVICE_TOKEN}
    Refresh Tokens
    Create Managed Session    ${USER.id}
    Session Row Should Be    ${USER.session_id}    revoked
    Session Row Should Be    ${second.session_id}    active


*** Keywords ***
No Session Should Be Made For
    [Documentation]    The manager refuses with this status and problem, and no row is stored.
    [Arguments]    ${user_id}    ${status}    ${code}
    ${body} =    Make Request Body    user_id=${user_id}    type=WEB
    ${response} =    Post To    auth    /admin/sessions    ${body}    ${SERVICE_TOKEN}    status=${status}
    Answer Should Be Problem    ${response}    ${code}
    Auth Should Hold Session Count    ${user_id}    0

Login Should Make Session
    [Documentation]    A user signs in by this client: their session is of this type, alike in all stores, and their access token is of it.
    [Arguments]    ${client_id}    ${type}
    Sign In New User    ${client_id}
    Session Should Be Of    ${USER}    ${type}    ${client_id}    password
    Stores Should Agree On Session    ${USER}
    Get Token Claim    ${ACCESS_TOKEN}    sid    ==    ${USER.session_id}
    Auth Should See User Id    ${USER.id}

Session Manager Should Make Session
    [Documentation]    A session of this type is alike in all stores, its token is known to Redis, and it begins with an audit row.
    [Arguments]    ${type}    ${client_id}
    Create User With Session    type=${type}    device=the device
    Session Should Be Of    ${SESSION}    ${type}    ${client_id}    admin    the device
    Stores Should Agree On Session
    Row Should Match Session
    Session Token Should Be Valid    ${SESSION}    source=redis
    VAR    ${ACCESS_TOKEN}    ${SESSION.access_token}    scope=TEST
    Auth Should See User Id    ${USER_ID}
    ${events} =    Get Session Events    ${SESSION}
    VAR    &{detail}    type=${type}    origin=admin
    Should Be Equal    ${{ [(event['type'], event['detail']) for event in $events] }}    ${{ [('created', $detail)] }}    the audit trail

Session Should Be Of
    [Documentation]    A live session is, in Redis and in its row, of this type, client, origin and device, and has its user's roles.
    [Arguments]    ${session}    ${type}    ${client_id}    ${origin}    ${device}=${None}
    ${row} =    Get Session Row    ${session.session_id}
    ${document} =    Get Redis Json    session:${session.session_id}
    VAR    &{wanted}    type=${type}    client_id=${client_id}    origin=${origin}    device=${device}    status=active
    FOR    ${field}    ${value}    IN    &{wanted}
        Should Be Equal    ${row}[${field}]    ${value}    ${field} of the session in its row
        Should Be Equal    ${document}[${field}]    ${value}    ${field} of the session in Redis
    END
    ${user} =    Get Auth User Row    ${row}[user_id]
    Should Be Equal    ${row}[roles]    ${user}[roles]    the session has other roles than its user

Login Should Keep Device And Fingerprint
    [Documentation]    A login that names its device and its traits makes a session that has them, the traits as a hash.
    VAR    &{login}    device=the phone    fingerprint=Pixel 12; 1080x2424
    ${body} =    Make Request Body    email=${USER.email}    password=${USER.password}    &{login}
    ${response} =    Post To    auth    /auth/login    ${body}
    ${row} =    Get Session Row    ${response.json()}[session_id]
    Should Be Equal    ${row}[device]    the phone    the device of a login in its row
    Should Match Regexp    ${{ str($row['fingerprint']) }}    ^[0-9a-f]{64}$    no hash stands for the traits that a login stated

Login Should Keep Metadata
    [Documentation]    A login that brings metadata makes a session that has it.
    [Arguments]    ${metadata}
    Sign In New User
    ${body} =    Make Request Body    email=${USER.email}    password=${USER.password}    metadata=${metadata}
    ${response} =    Post To    auth    /auth/login    ${body}
    ${row} =    Get Session Row    ${response.json()}[session_id]
    Should Be Equal    ${row}[metadata]    ${metadata}    the metadata of a login in its row

No Store Should Hold
    [Documentation]    Neither Redis nor any row of the session's tables holds this text.
    [Arguments]    ${text}
    ${keys} =    Get Redis Keys    session:${SESSION.session_id}
    ${document} =    Get Redis Value    ${keys}[0]
    Should Not Contain    ${document}    ${text}    Redis holds the text itself
    Should Be Stored    auth    sessions whose row holds the text itself
    ...    SELECT id::text FROM sessions WHERE strpos(sessions::text, %s) > 0    ${text}
    Should Be Stored    auth    audit rows that hold the text itself
    ...    SELECT id FROM session_events WHERE strpos(session_events::text, %s) > 0    ${text}

Log In At Once
    [Documentation]    So many logins of the current user at one instant, all of which succeed: sets ``LOGINS`` (session id → access token).
    [Arguments]    ${count: int}
    ${body} =    Make Request Body    email=${USER.email}    password=${USER.password}
    VAR    @{requests}    @{{ [{'method': 'POST', 'url': $AUTH_URL + '/auth/login', 'json': $body}] * $count }}
    ${replies} =    Send At Once    ${requests}
    Should Be Equal    ${{ {reply.status for reply in $replies} }}    ${{ {200} }}    not every login succeeded
    VAR    &{LOGINS}    ${USER.session_id}=${USER.access_token}
    ...    &{{ {reply.json['session_id']: reply.json['access_token'] for reply in $replies} }}    scope=TEST

Active Sessions Should Never Exceed Limit
    [Documentation]    By the rows, at no moment at which a session of the current user began were there more than so many of them.
    [Arguments]    ${limit: int}
    VAR    ${statement}
    ...    SELECT max(active)::int FROM (SELECT count(*) AS active FROM sessions AS begun JOIN sessions AS other USING (user_id)
    ...    WHERE user_id = %s AND other.created_at <= begun.created_at
    ...    AND (other.revoked_at IS NULL OR other.revoked_at > begun.created_at) GROUP BY begun.id) AS moments
    Should Be Stored    auth    most sessions that were active at a time    ${statement}    ${USER.id}    ${limit}

Newest Sessions Should Be Active
    [Documentation]    Of the current user's sessions so many, the youngest, are active; the others went for the limit, oldest first.
    [Arguments]    ${limit: int}
    ${rows} =    Query    SELECT id::text, status, revoke_reason, revoked_at FROM sessions WHERE user_id = %s ORDER BY created_at
    ...    alias=auth    return_dict=True    parameters=${{ [$USER.id] }}
    Length Should Be    ${rows}    ${{ len($LOGINS) }}    sessions has ${{ len($rows) }} rows for ${{ len($LOGINS) }} logins
    VAR    ${gone}    ${rows}[:-${limit}]
    VAR    ${status}    ${{ {row['status'] for row in $rows[-$limit:]} }}
    Should Be Equal    ${status}    ${{ {'active'} }}    the newest are not those that stayed
    Should Be Equal    ${{ {row['revoke_reason'] for row in $gone} }}    ${{ {'limit'} }}    the older ones ended for another reason
    Should Be Equal    ${gone}    ${{ sorted($gone, key=lambda row: row['revoked_at']) }}    a younger session went before an older one
    VAR    ${ACTIVE}    ${{ [row['id'] for row in $rows[-$limit:]] }}    scope=TEST

Redis Should List Active Sessions
    [Documentation]    Redis has documents of the active sessions and of no other, and lists them, oldest first.
    Get Redis Sorted Set    user:${USER.id}:sessions    validate    list(value) == ${ACTIVE}    message=Redis lists other sessions
    FOR    ${session_id}    IN    @{LOGINS}
        IF    $session_id in $ACTIVE
            Redis Key Should Exist    session:${session_id}
        ELSE
            Redis Key Should Not Exist    session:${session_id}
        END
    END

Tokens Should Be Good For Active Sessions Only
    [Documentation]    Auth takes the access tokens of the active sessions and calls the others revoked.
    FOR    ${session_id}    ${token}    IN    &{LOGINS}
        IF    $session_id in $ACTIVE
            Get From    auth    /users/me    ${token}
        ELSE
            Service Should Refuse Token    auth    /users/me    ${token}    session_revoked
        END
    END

Login Should Be Valid At Auth
    [Documentation]    A new user signs in, and auth takes their token.
    Sign In New User
    Auth Should See User Id    ${USER.id}

Use Session Limit Up
    [Documentation]    The current user gets as many sessions as they may have: sets ``MADE``.
    ${limit} =    Get Platform Limit    session_limit
    VAR    @{MADE}    @{EMPTY}    scope=TEST
    FOR    ${_}    IN RANGE    ${limit}
        ${session} =    Create Managed Session    ${USER_ID}
        Append To List    ${MADE}    ${session}
    END

Sessions Made Last Should Be Active
    [Documentation]    Active are exactly the sessions of `Use Session Limit Up`, and their tokens are valid.
    ${active} =    List User Sessions    ${USER_ID}
    Should Be Equal    ${{ [one['session_id'] for one in $active] }}    ${{ [one.session_id for one in $MADE] }}    the active sessions
    FOR    ${session}    IN    @{MADE}
        Session Token Should Be Valid    ${session}
    END

Get Session Tokens Of
    [Documentation]    The session token of a further session of each of these users, in their order.
    [Arguments]    ${users}
    VAR    @{tokens}    @{EMPTY}
    FOR    ${user}    IN    @{users}
        ${session} =    Create Managed Session    ${user.id}
        Append To List    ${tokens}    ${session.session_token}
    END
    RETURN    ${tokens}
