*** Settings ***
Documentation       What auth promises of its single endpoints: statuses, members, words of refusals, and what its stores keep.
...                 Sources: RFC 6749 §5, RFC 7009 §2.2, RFC 7638, RFC 9068 §2; docs/protocol.md §1 and §2.1 to §2.5.
Resource            promises.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Close All Connections
Test Tags           contract    p1


*** Test Cases ***
Instants Have One Form At Every Service
    [Tags]    id:CT-120    req:X03    proto:0.01
    ${own} =    Get From    auth    /users/me    ${ACCESS_TOKEN}
    ${sessions} =    Get From    auth    /auth/sessions    ${ACCESS_TOKEN}
    ${me} =    Get From    backend    /api/me    ${ACCESS_TOKEN}
    ${made} =    Post To    backend    /api/conversations    ${{ {'title': 'When'} }}    ${ACCESS_TOKEN}    status=201
    FOR    ${response}    IN    ${own}    ${sessions}    ${me}    ${made}
        Instants Should Have One Form    ${response}
    END

Ids Are Written In Lower Case
    [Tags]    id:CT-121    req:X03    proto:0.03    needs:ws
    Start Conversation
    ${client} =    Get Random UUID
    ${welcome} =    Open Chat Socket    url=${BACKEND_SOCKET_URL}    client_id=${client.upper()}
    Should Be Equal    ${welcome}[client_id]    ${client}    the client's id in the welcome
    ${subscribed} =    Subscribe    conversation=${CONVERSATION.upper()}
    Should Be Equal    ${subscribed}[conversation_id]    ${CONVERSATION}    the conversation's id in the answer

OAuth Endpoints Refuse In The Words Of OAuth
    [Tags]    id:CT-122    req:X03    proto:1.03    proto:2.2.31    sec:O07
    [Template]    OAuth Endpoint Should Refuse
    invalid_request    /auth/token    client_id=web
    invalid_request    /auth/revoke    client_id=web
    invalid_request    /auth/introspect    client_id=web
    unsupported_grant_type    /auth/token    grant_type=client_credentials    client_id=web

Each Way To Tokens Has One Answer
    [Tags]    id:CT-123    req:C04.3    proto:2.2.29    proto:2.2.32    proto:2.4.03
    ${response} =    Log In At Auth
    Token Answer Should Be Whole    a login    ${response}
    ${body} =    Make Request Body    refresh_token=${REFRESH_TOKEN}
    ${response} =    Ask For    POST    ${AUTH_URL}/auth/refresh    ${body}    token=${None}
    Token Answer Should Be Whole    a refresh    ${response}
    VAR    ${REFRESH_TOKEN}    ${response.json()}[refresh_token]    scope=TEST
    ${response} =    Spend Refresh Token As Grant
    Token Answer Should Be Whole    a refresh as a grant    ${response}
    Should Be Equal    ${response.json()}[session_id]    ${USER.session_id}    a refresh as a grant makes another session
    Should Be True    $response.json()['refresh_token'] != $REFRESH_TOKEN    a refresh as a grant gives the spent token back

A Sign-up Makes One User Of An E-mail
    [Tags]    id:CT-124    req:X03    proto:2.4.01    proto:2.4.02
    ${response} =    Sign Up At Auth    201    new-${USER.email}    eight888
    Members Should Be    the answer to a sign-up    ${response.json()}    user
    Should Be Equal    ${response.json()}[user][email]    new-${USER.email}    the e-mail of the new user
    Sign Up At Auth    409    ${USER.email}    another password    email_taken
    Sign Up At Auth    400    short-${USER.email}    seven77    invalid_request
    Sign Up At Auth    400    long-${USER.email}    ${{ 'x' * 201 }}    invalid_request

A Login Keeps To The Bounds Of Its Members
    [Tags]    id:CT-125    req:X03    proto:2.4.06    proto:2.4.07
    ${longest} =    Log In At Auth    device=${{ 'd' * 200 }}
    Should Be Equal As Integers    ${longest.status_code}    200    a login of a device of 200 characters
    ${longer} =    Log In At Auth    device=${{ 'd' * 201 }}
    Should Be Equal As Integers    ${longer.status_code}    400    a login of a device of 201 characters
    Request Should Be Answered    204    POST    ${AUTH_URL}/users/me/deactivate
    ${refused} =    Log In At Auth
    Should Be Equal As Integers    ${refused.status_code}    403    a login of a deactivated user
    Answer Should Be Problem    ${refused}    account_disabled

Endings Are Answered Without A Body
    [Tags]    id:CT-127    req:C04.3    proto:2.4.16    proto:2.4.21    proto:2.4.23    proto:2.4.30
    Post Form To    auth    /auth/revoke    ${{ {'token': 'no.such.token'} }}    status=200
    Post Form To    auth    /auth/revoke    ${{ {'token': $REFRESH_TOKEN.value} }}    status=200
    Post Form To    auth    /auth/revoke    ${{ {'token': $REFRESH_TOKEN.value} }}    status=200
    Sign In New User
    VAR    &{change}    old=${USER.password.value}    new=another good password
    Request Should Be Answered    204    POST    ${AUTH_URL}/users/me/password    ${change}
    Request Should Be Answered    204    POST    ${AUTH_URL}/auth/logout
    Sign In New User
    Request Should Be Answered    204    DELETE    ${AUTH_URL}/users/me

Tokens Of Every Client Are Introspected And Revoked
    [Tags]    id:CT-208    req:C04.1    proto:2.4.22    proto:2.4.24    sec:O08
    [Template]    Token Of Client Should Be Known And End
    web        lockstep-api
    mobile     lockstep-api
    api        lockstep-api
    kiosk      lockstep-api
    partner    partner-api

Each Client Gets What Is Declared For It
    [Tags]    id:CT-129    req:C01.2    proto:2.1.03    proto:2.1.04    proto:2.1.05    proto:2.1.06    proto:2.1.07    proto:2.2.22
    ...       proto:2.2.23    needs:oauth.provider    needs:db.auth
    [Template]    Client Should Get What Is Declared
    web    ${PUBLIC_URL}/login/callback    WEB    lockstep-api    access_ttl    session_idle    session_absolute
    mobile    lockstep://login/callback    MOBILE    lockstep-api    access_ttl    session_idle    session_absolute
    api    ${PUBLIC_URL}/api-client/callback    API    lockstep-api    access_ttl    session_idle    session_absolute
    kiosk    ${PUBLIC_URL}/kiosk/callback    WEB    lockstep-api    short_access_ttl    short_session_idle    short_session_absolute
    partner    ${PUBLIC_URL}/partner/callback    API    partner-api    access_ttl    session_idle    session_absolute

Each Login Is A Transaction Of Its Own
    [Tags]    id:CT-130    req:C01.1    proto:2.2.03    proto:2.2.06    sec:O04    needs:oauth.provider    needs:redis
    [Setup]    Create Provider Person
    Login At Provider Should Be Its Own
    ${response} =    Start Login
    Cookie Of Login Should Be Kept As Hash    ${response}

A Code Is Spent By A Wrong Presentation
    [Tags]    id:CT-131    req:C01.3    proto:2.2.25    sec:O05    needs:oauth.provider
    [Setup]    Create Provider Person
    ${code} =    Follow Login To Code
    Exchange Should Be Refused    ${code}    code_verifier=not-the-verifier-that-belongs-to-this-login-attempt
    Exchange Should Be Refused    ${code}

Keys And Refresh Tokens Have Their Declared Form
    [Tags]    id:CT-132    req:X02    proto:2.3.21    proto:2.3.22    proto:2.3.23    sec:J01    needs:db.auth
    ${published} =    Get From    auth    /.well-known/jwks.json
    FOR    ${key}    IN    @{published.json()}[keys]
        VAR    ${members}    ${{ {'crv': $key['crv'], 'kty': $key['kty'], 'x': $key['x'], 'y': $key['y']} }}
        VAR    ${canonical}    ${{ json.dumps($members, separators=(',', ':')) }}
        VAR    ${thumbprint}    ${{ base64.urlsafe_b64encode(hashlib.sha256($canonical.encode()).digest()).rstrip(b'=').decode() }}
        Should Be Equal    ${key}[kid]    ${thumbprint}    the id of a key is not its RFC 7638 thumbprint
    END
    Should Match Regexp    ${REFRESH_TOKEN.value}    ^[A-Za-z0-9_-]{43}$    a refresh token that is not 256 bits, URL-safe
    Read Refresh Token Row    ${REFRESH_TOKEN}

Locks Batches And The Outbox Answer As Declared
    [Tags]    id:CT-135    req:M10.1    proto:2.5.17    proto:2.5.18    proto:2.5.19    proto:2.5.21    proto:2.5.26
    ...       needs:session.admin
    VAR    ${lock}    ${AUTH_URL}/admin/locks/${USER.id}
    VAR    ${batch}    ${AUTH_URL}/admin/users/batch
    ${taken} =    Request Should Be Answered    201    POST    ${lock}    ${{ {'ttl': 60} }}    ${SERVICE_TOKEN}
    Members Should Be    a lock    ${taken.json()}    owner
    Request Should Be Answered    409    POST    ${lock}    ${{ {'ttl': 60} }}    ${SERVICE_TOKEN}    code=locked
    Request Should Be Answered    204    DELETE    ${lock}    ${taken.json()}    ${SERVICE_TOKEN}
    ${made} =    Request Should Be Answered    200    POST    ${batch}    ${{ {'count': 2, 'prefix': 'pair'} }}    ${SERVICE_TOKEN}
    Members Should Be    a user of a batch    ${made.json()}[users][1]    id    email    name    access_token    refresh_token
    ...    session_id
    ${outbox} =    Get From    auth    /admin/outbox    ${SERVICE_TOKEN}
    Members Should Be    the outbox    ${outbox.json()}    pending    delivered    oldest_pending_age

An Outbox With Nothing To Deliver Has No Age
    [Tags]    id:CT-375    req:M10.1    proto:2.5.26    needs:session.admin
    Create User
    Wait Until Keyword Passes    20s    Nothing Pending Should Be Of Age Zero

A Batch Of Users Has No Password And One Transaction
    [Tags]    id:CT-128    req:C05.1    proto:2.5.22    needs:session.admin    needs:db.auth
    ${made} =    Post To    auth    /admin/users/batch    ${{ {'count': 3, 'prefix': 'three'} }}    ${SERVICE_TOKEN}
    VAR    ${ids}    ${{ [user['id'] for user in $made.json()['users']] }}
    ${rows} =    Query    SELECT count(*), count(password_hash), count(DISTINCT xmin::text) FROM auth_users WHERE id = ANY(%s::uuid[])
    ...    alias=auth    parameters=${{ [$ids] }}
    Should Be Equal    ${{ list($rows[0]) }}    ${{ [3, 0, 1] }}    users of a batch, those with a password, and transactions

Tokens Of A Batch Belong To Their Own Users
    [Tags]    id:CT-370    req:C05.1    proto:2.5.21    proto:2.4.11    needs:session.admin
    ${made} =    Post To    auth    /admin/users/batch    ${{ {'count': 5, 'prefix': 'own'} }}    ${SERVICE_TOKEN}
    FOR    ${user}    IN    @{made.json()}[users]
        Tokens Should Be Of    ${user}[id]    ${user}[session_id]    ${user}[access_token]
        ${pair} =    Post To    auth    /auth/refresh    ${{ {'refresh_token': $user['refresh_token']} }}
        Tokens Should Be Of    ${user}[id]    ${user}[session_id]    ${pair.json()}[access_token]
    END

Metadata Counts In Bytes Of UTF-8
    [Tags]    id:CT-217    req:X03    proto:2.4.10
    [Template]    Login With Metadata Should Be Answered
    200    x    ${1048500}
    413    x    ${1048576}
    200    é    ${524200}
    413    é    ${524288}


*** Keywords ***
Nothing Pending Should Be Of Age Zero
    [Documentation]    Everything was delivered, and the oldest of nothing has waited for no time.
    ${outbox} =    Get From    auth    /admin/outbox    ${SERVICE_TOKEN}
    Should Be Equal    ${{ ($outbox.json()['pending'], $outbox.json()['oldest_pending_age']) }}    ${{ (0, 0) }}
    ...    events to deliver, and the age of the oldest

Login With Metadata Should Be Answered
    [Documentation]    A login whose metadata hold so many of this letter, written as UTF-8, is answered with this status.
    [Arguments]    ${status: int}    ${letter}    ${count: int}
    VAR    &{metadata}    note=${{ $letter * $count }}
    VAR    &{body}    email=${USER.email}    password=${USER.password.value}    metadata=${metadata}
    ${headers} =    Make Request Headers    Content-Type=application/json
    ${written} =    Evaluate    json.dumps(dict($body), ensure_ascii=False).encode()
    ${response} =    Evaluate    requests.post($AUTH_URL + '/auth/login', data=$written, headers=$headers, timeout=30)
    Should Be Equal    ${response.status_code}    ${status}    a login with metadata of ${count} times "${letter}"

Tokens Should Be Of
    [Documentation]    An access token names this user and this session.
    [Arguments]    ${user_id}    ${session_id}    ${token}
    ${claims} =    Read Token Claims    ${token}
    Should Be Equal    ${{ [$claims['sub'], $claims['sid']] }}    ${{ [$user_id, $session_id] }}    user and session of a token

Instants Should Have One Form
    [Documentation]    Every instant of an answer, and there is one, is RFC 3339 in UTC with microseconds.
    [Arguments]    ${response}
    ${found} =    Evaluate    re.findall(r'"(\\d{4}-\\d\\d-\\d\\d[^"]*)"', $response.text)
    Should Not Be Empty    ${found}    ${response.url} answers no instant, so none was judged
    VAR    ${other}    ${{ list(itertools.filterfalse(re.compile($INSTANT).fullmatch, $found)) }}
    Should Be Empty    ${other}    instants of ${response.url} in another form: ${other}

OAuth Endpoint Should Refuse
    [Documentation]    A form is answered 400 with this error of RFC 6749 §5.2 and words for it, as JSON, which nobody may keep.
    [Arguments]    ${error}    ${path}    &{fields}
    ${response} =    Post Form To    auth    ${path}    ${fields}    ${SERVICE_TOKEN}    status=anything
    Should Be Equal    ${{ ($response.status_code, $response.json().get('error')) }}    ${{ (400, $error) }}    ${path} refuses otherwise
    Should Not Be Empty    ${{ $response.json().get('error_description') or '' }}    ${path} has no error_description
    Should Be Equal    ${response.headers}[Content-Type]    application/json    the type of a refusal of ${path}

Token Of Client Should Be Known And End
    [Documentation]    An access token of this client is active for this audience until it is revoked, and then no more.
    [Arguments]    ${client_id}    ${audience}
    ${login} =    Log In At Auth    client_id=${client_id}
    ${form} =    Make Request Body    token=${login.json()}[access_token]
    ${known} =    Post Form To    auth    /auth/introspect    ${form}    ${SERVICE_TOKEN}
    VAR    ${reported}    ${{ operator.itemgetter('active', 'client_id', 'aud')({'aud': None, 'client_id': None, **$known.json()}) }}
    Should Be Equal    ${reported}    ${{ (True, $client_id, $audience) }}    what introspection says of a token of ${client_id}
    Post Form To    auth    /auth/revoke    ${form}
    ${ended} =    Post Form To    auth    /auth/introspect    ${form}    ${SERVICE_TOKEN}
    Should Be Equal    ${ended.json()}    ${{ {'active': False} }}    what introspection says of a revoked token of ${client_id}

Spend Refresh Token As Grant
    [Documentation]    The answer of the token endpoint to the current refresh token.
    ${form} =    Make Request Body    grant_type=refresh_token    refresh_token=${REFRESH_TOKEN}    client_id=web
    ${response} =    Post Form To    auth    /auth/token    ${form}    status=anything
    RETURN    ${response}

Client Should Get What Is Declared
    [Documentation]    A person signs in as this client: the login ends at its address, with its session type, audience and lifetimes
    ...    (names of limits of the platform).
    [Arguments]    ${client}    ${callback}    ${type}    ${audience}    ${access}    ${idle}    ${absolute}
    Create Provider Person
    Run Case    ${client}    Sign In Through Provider    ${client}    ${callback}
    ${claims} =    Read Token Claims    ${ACCESS_TOKEN}
    ${lifetime} =    Get Platform Limit    ${access}
    Should Be Equal    ${{ [$claims['aud'], $claims['exp'] - $claims['iat']] }}    ${{ [$audience, $lifetime] }}
    ...    audience and lifetime of a token of ${client}
    ${idle} =    Get Platform Limit    ${idle}
    ${absolute} =    Get Platform Limit    ${absolute}
    Should Be Stored    auth    type and lifetimes of a session of ${client}
    ...    ${TYPE_AND_LIFETIMES}
    ...    ${claims}[sid]    ${type} ${idle} ${absolute}

Login At Provider Should Be Its Own
    [Documentation]    Two logins lead to the provider with a state, a nonce and an S256 challenge each, and nothing of the client's own.
    ${first} =    Start Login
    ${one} =    Read Query Of Redirect    ${first}
    VAR    ${client}    ${ATTEMPT}
    ${second} =    Start Login
    ${two} =    Read Query Of Redirect    ${second}
    FOR    ${name}    IN    state    nonce    code_challenge
        Should Be True    len($one[$name]) >= 43 and $one[$name] != $two[$name]    two logins lead to the provider with one ${name}
        Should Not Contain    ${{ list($client.query.values()) }}    ${one}[${name}]    the ${name} at the provider is the client's own
    END
    Should Be Equal    ${one}[code_challenge_method]    S256    how the provider is to compare the verifier

Cookie Of Login Should Be Kept As Hash
    [Documentation]    Redis holds the hash of the login's cookie among the transaction, and not the cookie's value.
    [Arguments]    ${response}
    VAR    ${value}    ${{ $response.headers['Set-Cookie'].partition('=')[2].partition(';')[0] }}
    ${query} =    Read Query Of Redirect    ${response}
    ${kept} =    Get Redis Value    login:${{ hashlib.sha256($query['state'].encode()).hexdigest() }}
    Should Be True    len($value) >= 43    the login's cookie is no random value of 256 bits
    Should Not Contain    ${kept}    ${value}    Redis holds the login's cookie as it is
    Should Contain    ${kept}    ${{ hashlib.sha256($value.encode()).hexdigest() }}    Redis does not hold the hash of the login's cookie
