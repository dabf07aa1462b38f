*** Settings ***
Documentation       Each test's documentation is its declared verdict.
Library             Collections
Library             DataFactory    seed=session-atest
Library             JWTLibrary
Library             RedisLibrary
Library             SessionLibrary
Library             BudgetLibrary
Library             WebSocketLibrary
Library             ../UseTarget.py
Suite Setup         Use Target    ${DESCRIPTOR}
Test Teardown       Close All Connections


*** Test Cases ***
A Login Is Seen Everywhere And All Agree
    [Documentation]    PASS
    ${user} =    Create User
    ${took} =    Session Views Should Agree    ${user}    within=2s
    Should Be True    0 < ${took} < 5
    Session Should Be Live Everywhere    ${user}
    ${views} =    Get Session Views    ${user}
    Should Be Equal    ${{ sorted($views) }}    ${PLACES}
    Should Be Equal    ${views['redis'].facts['user_id']}    ${user.id}
    Should Be Equal    ${views['main db'].facts['user email']}    ${user.email}
    Get Latency    session sync    count    >=    1

The Socket Is A Place Too
    [Documentation]    PASS
    ${user} =    Create User
    Open Connection    ${SOCKET}    token=${user.access_token}    alias=chat
    ${views} =    Get Session Views    ${user}    socket=chat
    Should Be True    ${views['socket'].live}
    Session Views Should Agree    ${user}    within=2s    socket=chat
    Revoke Session    ${user}
    ${gone} =    Wait Until Session Is Gone Everywhere    ${user}    within=5s    socket=chat
    Dictionary Should Contain Key    ${gone}    socket
    ${views} =    Get Session Views    ${user}    socket=chat
    Should Start With    ${views['socket'].note}    closed 4003

Another Session's Socket Disagrees
    [Documentation]    FAIL the views of session * do not agree: session_id is * in redis and auth db *, * in socket*\n*session_id * in redis, auth db, *\n* in socket\n*
    ${user} =    Create User
    ${other} =    Log In Again    ${user}
    Open Connection    ${SOCKET}    token=${other.access_token}    alias=chat
    Session Views Should Agree    ${user}    socket=chat    within=500ms

A Tampered Document Disagrees
    [Documentation]    FAIL the views of session * do not agree: client_id is 'kiosk' in redis, 'web' in auth db and auth and backend-1 and backend-2
    ...    *client_id *'kiosk' *in redis
    ...    *'web' *in auth db, auth, backend-1, backend-2
    ...    *
    ${user} =    Create User
    Tamper    ${user}    client_id    kiosk
    Session Views Should Agree    ${user}

A Tampered Fact May Be Ignored
    [Documentation]    PASS
    ${user} =    Create User
    Tamper    ${user}    device    stolen
    Session Views Should Agree    ${user}    within=2s    ignore=['device']

A Wrong Time To Live Disagrees
    [Documentation]    FAIL the views of session * do not agree: expires_at is * in redis and auth db and auth, * in redis ttl\n*expires_at ** in redis, auth db, auth\n* in redis ttl\n*
    ${user} =    Create User
    Session Views Should Agree    ${user}    within=2s
    ${document} =    Get Redis Value    session:${user.session_id}
    Set Redis Value    session:${user.session_id}    ${document}    ttl=10s
    Session Views Should Agree    ${user}

A Lost Key Disagrees
    [Documentation]    FAIL the views of session * do not agree: live is no in redis and redis ttl, yes in *
    ...    *live *no *in redis, redis ttl
    ...    *yes *in redis index, auth db, auth, backend-1, backend-2
    ...    *(redis: no key; *)
    ${user} =    Create User
    Delete Redis Keys    session:${user.session_id}
    Session Views Should Agree    ${user}

A Document That Is No JSON Is No Agreement
    [Documentation]    FAIL the views of session * do not agree: redis did not answer: the document is no JSON: {damaged\n*(no answer) *the document is no JSON: {damaged *in redis
    ${user} =    Create User
    Set Redis Value    session:${user.session_id}    {damaged    ttl=1 minute
    Session Views Should Agree    ${user}    places=['redis', 'auth db']

One Place Alone Proves Nothing
    [Documentation]    FAIL ValueError: one place alone always agrees with itself: redis can be asked
    ${user} =    Create User
    Session Views Should Agree    ${user}    places=['redis']

A Place That Cannot Be Asked Is Named
    [Documentation]    FAIL ValueError: this session cannot be asked for at: backend-1; it can at: redis, redis ttl, auth db, auth
    ${user} =    Create User
    Get Session Views    ${user.session_id}    places=['auth', 'backend-1']

A Live Session Is Not Gone
    [Documentation]    FAIL session * is not gone: redis: live; *main db: does not say; *backend-1: live (live); backend-2: live (live)
    ...    (after 300 ms)
    ${user} =    Create User
    Wait Until Session Is Gone Everywhere    ${user}    within=300ms

A Session That No Place Has Known Is Not Gone
    [Documentation]    FAIL no place has ever known session 00000000-0000-4000-8000-000000000000, so that it is gone proves nothing: redis: gone (no key); *
    Wait Until Session Is Gone Everywhere    00000000-0000-4000-8000-000000000000

A Revoked Session Is Gone Everywhere
    [Documentation]    PASS
    ${user} =    Create User
    Session Views Should Agree    ${user}    within=2s
    Revoke Session    ${user}    reason=lost device
    ${gone} =    Wait Until Session Is Gone Everywhere    ${user}    within=5s
    Should Be Equal    ${{ sorted($gone) }}    ${PLACES}
    ${views} =    Get Session Views    ${user}
    Should Be Equal    ${views['auth'].note}    lost device
    Get Latency    session end in main db    count    >=    1
    Session Views Should Agree    ${user}    ignore=['status', 'revoked_at', 'revoke_reason']

A Revoked Session Is Not Live
    [Documentation]    FAIL session * is not live: redis: gone (no key); *auth: gone (test); backend-1: gone (session_revoked)*
    ${user} =    Create User
    Revoke Session    ${user}
    Wait Until Session Is Gone Everywhere    ${user}    within=5s
    Session Should Be Live Everywhere    ${user}

An Expired Session Is Gone Without The Places That Never Learn Of It
    [Documentation]    PASS
    ${user} =    Create User
    ${short} =    Create Managed Session    ${user.id}    idle_ttl=1s    absolute_ttl=1s
    Session Should Be Live Everywhere    ${short}    within=1s
    Wait Until Session Is Gone Everywhere    ${short}    within=5s

The Manager Makes And Judges Sessions
    [Documentation]    PASS
    ${user} =    Create User
    ${made} =    Create Managed Session    ${user.id}    type=MOBILE    device=phone    metadata=${{ {'n': 'ü'} }}
    Log    ${made} ${made.session_token.value}
    ${record} =    Session Token Should Be Valid    ${made}    source=redis
    Should Be Equal    ${record}[metadata]    ${{ {'n': 'ü'} }}
    Session Views Should Agree    ${made}    within=2s
    Record Session Activity    ${made}
    ${record} =    Get Session Record    ${made}
    Should Be True    ${record}[access_count] >= 1

A Refreshed Token Replaces The Old One
    [Documentation]    PASS
    ${user} =    Create User
    ${made} =    Create Managed Session    ${user.id}
    ${new} =    Refresh Session Token    ${made}
    Session Token Should Be Invalid    ${made}
    Session Token Should Be Valid    ${new}[session_token]
    ${events} =    Get Session Events    ${made}
    Should Not Be Empty    ${events}

A Migrated Session Outlives The Others
    [Documentation]    PASS
    ${user} =    Create User
    ${made} =    Create Managed Session    ${user.id}
    ${sso} =    Migrate Session    ${made}
    Should Be Equal    ${sso.type}    SSO
    ${ended} =    Revoke User Sessions    ${user.id}    keep=${sso}
    Should Be Equal    ${ended}    ${1}
    ${left} =    List User Sessions    ${user.id}
    Should Be Equal    ${{ [session['session_id'] for session in $left] }}    ${{ [$sso.session_id] }}

The Manager Sweeps And Counts
    [Documentation]    PASS
    Create User
    ${cleaned} =    Clean Up Sessions
    Should Be Equal    ${cleaned}[errors]    ${0}
    ${analytics} =    Get Session Analytics
    Should Be True    ${analytics}[active] >= 1

A Valid Token Is Not Invalid
    [Documentation]    FAIL the session token is valid: session * (by redis)
    ${user} =    Create User
    ${made} =    Create Managed Session    ${user.id}
    Session Token Should Be Invalid    ${made}

A Revoked Token Is Not Valid
    [Documentation]    FAIL the session token is not valid: revoked (by *)
    ${user} =    Create User
    ${made} =    Create Managed Session    ${user.id}
    Revoke Session    ${made}
    Session Token Should Be Valid    ${made}

A Token Refused For Another Reason
    [Documentation]    FAIL the session token is not valid, but its reason is not_found, not expired
    Session Token Should Be Invalid    ${{ 'A' * 43 }}    reason=expired

A Fingerprint Is A Text Or Traits
    [Documentation]    PASS
    ${user} =    Create User
    ${by_text} =    Create Managed Session    ${user.id}    fingerprint={'os': 'plan 9'}
    Session Token Should Be Valid    ${by_text}    fingerprint={'os': 'plan 9'}
    ${by_traits} =    Create Managed Session    ${user.id}    fingerprint=${{ {'os': 'plan 9', 'screen': {'width': 80}} }}
    Session Token Should Be Valid    ${by_traits}    fingerprint=${{ {'screen': {'width': 80}, 'os': 'plan 9'} }}
    Session Token Should Be Invalid    ${by_traits}    fingerprint_mismatch    fingerprint={'os': 'plan 9'}

A Lock Is Taken And Given Back By Its Owner
    [Documentation]    PASS
    ${owner} =    Acquire Lock    atest.lock    ttl=30s
    Log    ${owner.value}
    Get Redis Ttl    lock:atest.lock    <=    30
    Release Lock    atest.lock    ${owner}
    ${next} =    Acquire Lock    atest.lock
    Get Redis Ttl    lock:atest.lock    >    30
    Release Lock    atest.lock    ${next.value}
    Redis Key Should Not Exist    lock:atest.lock

A Lock That Is Held
    [Documentation]    FAIL CallError: POST /admin/locks/atest.held was answered by auth with 409 locked: *
    Acquire Lock    atest.held    ttl=1 minute
    Acquire Lock    atest.held    ttl=1 minute

A Lock Of Somebody Else
    [Documentation]    FAIL CallError: DELETE /admin/locks/atest.theirs was answered by auth with 409 not_owner: *
    Acquire Lock    atest.theirs    ttl=1 minute
    Release Lock    atest.theirs    somebody

Writes Are Seen In Every Other Place And Timed
    [Documentation]    PASS
    ${user} =    Create User
    Open Connection    ${SOCKET}    token=${user.access_token}    alias=chat
    ${done} =    Measure Session Sync    ${user}    rounds=2    socket=chat
    Should Be Equal    ${{ ($done.made, $done.seen, $done.missed) }}    ${{ (26, 26, []) }}
    Get Latency    sync latency    count    ==    26
    Get Latency    sync latency of a new name in socket    max    <    5s

A Write That Is Not Seen Is Missed
    [Documentation]    PASS
    ${user} =    Create User
    Open Connection    ${SOCKET}    token=${user.access_token}    alias=chat
    Drop Connection    chat
    ${done} =    Measure Session Sync    ${user}    rounds=20    socket=chat    within=1s
    Should Be Equal    ${done.missed}    ${{ ['a new name was not seen in socket within 1 s'] * 3 }}
    Should Be Equal    ${done.seen}    ${done.made - 3}

Tokens That Say When They Were Made
    [Documentation]    FAIL the tokens can be guessed: they follow an order: 100% of them are greater than the one before*
    ${tokens} =    Evaluate    [f'{n:09}{secrets.token_hex()}' for n in range(100)]    modules=secrets
    Secrets Should Be Unguessable    ${tokens}    tokens

Wrong Tokens Of A Session Are Unknown
    [Documentation]    PASS
    ${user} =    Create User
    ${session} =    Create Managed Session    ${user.id}
    ${wrong} =    List Wrong Session Tokens    ${session}
    FOR    ${what}    ${token}    IN    &{wrong}
        Session Token Should Be Invalid    ${token}    not_found
    END

Something That Is No Session
    [Documentation]    FAIL TypeError: no session: a int has no session_id
    Get Session Views    ${42}


*** Keywords ***
Tamper
    [Documentation]    Changes one field of the session's document in Redis and nothing else.
    [Arguments]    ${user}    ${field}    ${value}
    Session Views Should Agree    ${user}    within=2s
    ${document} =    Get Redis Json    session:${user.session_id}
    Set To Dictionary    ${document}    ${field}=${value}
    ${left} =    Get Redis Ttl    session:${user.session_id}
    ${text} =    Evaluate    json.dumps($document)    modules=json
    Set Redis Value    session:${user.session_id}    ${text}    ttl=${left}
