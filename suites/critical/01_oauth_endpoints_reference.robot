*** Settings ***
Documentation       A login through the OpenID provider ends in tokens that every service takes;
...                 a bad one ends in a clear error, and in nothing more.
...                 Sources: RFC 6749 (OAuth 2.0), RFC 7636 (PKCE), RFC 9700 (security best practice), OpenID Connect Core.
Resource            platform.resource
Resource            auth.resource
Resource            databases.resource
Resource            oauth.resource
Resource            socket.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Create Provider Person
Test Teardown       Close All Connections
Test Tags           critical    p0    needs:oauth.provider


*** Test Cases ***
A Provider Login Yields A Token That Every Service Takes
    [Tags]    id:C01-01    req:C01.1    proto:5.27    needs:ws    needs:replicas.2
    ${tokens} =    Sign In Through Provider
    Should Be Equal    ${tokens}[user][email]    ${PERSON.email}    the token answer names another e-mail
    Auth Should See User Id    ${USER_ID}
    Backend Should See User Id    ${USER_ID}
    Frontend Should See User Id    ${USER_ID}
    Socket Should See User Id    ${USER_ID}

The Callback Creates The User In Both Databases
    [Tags]    id:C01-02    req:C01.2    proto:2.2.28    needs:db.auth    needs:db.main
    Auth Should Hold No User With E-mail    ${PERSON.email}
    ${code} =    Follow Login To Code
    ${created} =    Get Auth User By E-mail    ${PERSON.email}
    Should Be Equal    ${created}[name]    ${PERSON.name}    auth_users has another name
    Should Be Equal    ${created}[status]    active    the new user is
    Identity Should Belong To    ${PERSON.sub}    ${created}[id]
    Both Databases Should Hold User    ${created}[id]
    Auth Should Hold Session Count    ${created}[id]    0
    Exchange Code    ${code}
    Auth Should Hold Session Count    ${created}[id]    1

The Access Token Carries The Claims Of RFC 9068
    [Tags]    id:C01-03    req:C01.2    proto:2.3.01    proto:2.3.02    proto:2.3.18
    ${tokens} =    Sign In Through Provider
    Get Token Header    ${ACCESS_TOKEN}    alg    ==    ES256
    Get Token Header    ${ACCESS_TOKEN}    typ    ==    at+jwt
    Get Token Claim    ${ACCESS_TOKEN}    sub    ==    ${USER_ID}
    Get Token Claim    ${ACCESS_TOKEN}    sid    ==    ${tokens}[session_id]
    Get Token Claim    ${ACCESS_TOKEN}    email    ==    ${PERSON.email}
    Get Token Claim    ${ACCESS_TOKEN}    client_id    ==    web
    Token Lifetime Should Be    ${tokens}[expires_in]
    Access Token Should Verify

A Callback With A Wrong State Is Refused
    [Tags]    id:C01-06    req:C01.3    sec:O04
    ${url} =    Follow Login To Callback
    Callback Should Be Refused    ${{ $url.replace('state=', 'state=x') }}
    Callback Should Be Refused    ${{ $url.replace('state=', 'nostate=') }}
    Auth Should Hold No User With E-mail    ${PERSON.email}

A Callback In Another Browser Is Refused
    [Tags]    id:C01-07    req:C01.3    proto:2.2.09    sec:O04
    ${url} =    Follow Login To Callback
    Open Fresh Browser    other
    Callback Should Be Refused    ${url}    other
    Auth Should Hold No User With E-mail    ${PERSON.email}

A State Is Good For One Callback
    [Tags]    id:C01-08    req:C01.3    proto:2.2.10    sec:O04
    ${url} =    Follow Login To Callback
    Open Twin Browser    ${BROWSER}
    Browse    browser    ${url}    status=302
    Callback Should Be Refused    ${url}
    Callback Should Be Refused    ${url}    twin
    Auth Should Hold One User With E-mail    ${PERSON.email}

A Code Is Exchanged Once And Reuse Ends The Session
    [Tags]    id:C01-09    req:C01.3    proto:2.2.26    proto:2.2.27    sec:O02
    ${code} =    Follow Login To Code
    ${tokens} =    Exchange Code    ${code}
    Get From    backend    /api/me    ${tokens}[access_token]
    Exchange Should Be Refused    ${code}
    Session Row Should Be    ${tokens}[session_id]    revoked
    Service Should Refuse Token    backend    /api/me    ${tokens}[access_token]    session_revoked

Two Exchanges Of A Code At Once Leave No Session
    [Documentation]    One of them may win for a moment; the other is reuse, which ends the session that was made.
    [Tags]    id:C01-18    req:C01.3    proto:2.2.26    proto:2.2.27    sec:O02
    FOR    ${_}    IN RANGE    5
        ${code} =    Follow Login To Code
        ${tokens} =    Exchange Code Twice At Once    ${code}
        IF    $tokens
            Session Row Should Be    ${tokens}[session_id]    revoked
            Service Should Refuse Token    backend    /api/me    ${tokens}[access_token]    session_revoked
        END
    END

A Code Needs Its Verifier, Client And Redirect URI
    [Tags]    id:C01-10    req:C01.3    proto:2.2.24    sec:O03    sec:O05
    [Template]    Changed Exchange Should Be Refused
    code_verifier=not-the-verifier-that-belongs-to-this-login-attempt
    client_id=mobile
    redirect_uri=${PUBLIC_URL}/kiosk/callback

A Denied Login Creates No User
    [Tags]    id:C01-11    req:C01.3    proto:2.2.11    proto:2.2.12
    ${url} =    Follow Login To Callback    decision=deny
    Login Should End With Error    ${url}    access_denied
    Auth Should Hold No User With E-mail    ${PERSON.email}

A Login Works Again After The Provider Failed
    [Tags]    id:C01-12    req:C01.3    proto:2.2.15    sec:O10
    ${url} =    Follow Login To Callback
    Make Provider Fail For    ${PERSON}    token    status=${500}
    Login Should End With Error    ${url}    temporarily_unavailable
    Auth Should Hold No User With E-mail    ${PERSON.email}
    Make Provider Work For    ${PERSON}
    Sign In Through Provider
    Auth Should Hold One User With E-mail    ${PERSON.email}

An ID Token Of Another Login Is Refused
    [Tags]    id:C01-13    req:C01.3    proto:2.2.15    proto:2.2.16    sec:O10
    [Template]    Changed ID Token Should Be Refused
    nonce    another-nonce
    aud    another-client
    iss    http://127.0.0.1/another-issuer
    exp    ${-60}
    signature    broken

A Foreign Redirect URI Gets An Error Page
    [Tags]    id:C01-14    req:C01.3    proto:2.1.01    proto:2.2.01    sec:O01
    [Template]    Redirect URI Should Be Refused
    ${PUBLIC_URL}/login/callback/more
    ${PUBLIC_URL}/login/Callback
    ${PUBLIC_URL}/login/callback?extra=1
    https://user@evil.example/login/callback
    https://evil.example/login/callback

A Login Without A Proper Code Challenge Is Refused
    [Tags]    id:C01-15    req:C01.3    proto:2.1.02    proto:2.2.02    sec:O03
    [Template]    Changed Start Should Be Refused
    code_challenge=
    code_challenge_method=plain

An Identity With A New E-mail Keeps Its User
    [Tags]    id:C01-16    req:C01.3    proto:2.2.17    sec:O11
    Sign In Through Provider
    VAR    ${first}    ${USER_ID}
    Change Provider E-mail For    ${PERSON}
    Sign In Through Provider
    Should Be Equal    ${USER_ID}    ${first}    the identity is another user now

Another Identity With A Known E-mail Takes Over Nobody
    [Tags]    id:C01-17    req:C01.3    proto:2.2.19    sec:O11
    Sign In Through Provider
    ${url} =    Follow Login To Callback As Other Identity
    Login Should End With Error    ${url}    account_exists
    Auth Should Hold One User With E-mail    ${PERSON.email}


*** Keywords ***
Changed Exchange Should Be Refused
    [Documentation]    A genuine code with one field of the exchange changed is refused.
    [Arguments]    &{changes}
    ${code} =    Follow Login To Code
    Run Case    ${changes}    Exchange Should Be Refused    ${code}    &{changes}

Changed ID Token Should Be Refused
    [Documentation]    The provider signs an ID token with one claim wrong (or breaks it): the login fails and makes nobody.
    [Arguments]    ${claim}    ${value}
    Create Provider Person
    ${url} =    Follow Login To Callback
    Make Provider Fail For    ${PERSON}    id_token    ${claim}=${value}
    Run Case    ID token with ${claim} ${value}    Login Should End With Error    ${url}    server_error
    Auth Should Hold No User With E-mail    ${PERSON.email}

Redirect URI Should Be Refused
    [Documentation]    Auth shows an error and redirects nowhere.
    [Arguments]    ${redirect_uri}
    ${response} =    Start Login    callback=${redirect_uri}    status=400
    Should Not Contain    ${response.headers}    Location    redirected though ${redirect_uri} is foreign

Changed Start Should Be Refused
    [Documentation]    Auth sends the client back at once with ``invalid_request``.
    [Arguments]    &{changes}
    ${response} =    Start Login    &{changes}
    Run Case    ${changes}    Redirect Should Carry Error    ${response}    ${PUBLIC_URL}/login/callback    invalid_request

Exchange Code Twice At Once
    [Documentation]    Redeems a code by two requests at one instant: at most one is answered with tokens, which are returned, and the other
    ...    with ``invalid_grant``.
    [Arguments]    ${code}
    ${form} =    Make Token Request    ${ATTEMPT}    ${code}
    VAR    &{request}    method=POST    url=${AUTH_URL}/auth/token    form=${form}
    VAR    @{requests}    ${request}    ${request}
    ${replies} =    Send At Once    ${requests}
    VAR    ${won}    ${{ [reply.json for reply in $replies if reply.status == 200] }}
    VAR    ${refused}    ${{ [reply.json['error'] for reply in $replies if reply.status == 400] }}
    Should Be True    len($won) <= 1    two exchanges of one code at once were both answered with tokens
    Should Be Equal    ${refused}    ${{ ['invalid_grant'] * (2 - len($won)) }}    the exchanges that got no tokens
    RETURN    ${{ $won[0] if $won else None }}

Change Provider E-mail For
    [Documentation]    The same identity (``sub``) gets a new e-mail at the provider; sets ``PERSON``.
    [Arguments]    ${person}
    ${renamed} =    Create Provider Identity    sub=${person.sub}    name=${person.name}
    VAR    ${PERSON}    ${renamed}    scope=TEST

Follow Login To Callback As Other Identity
    [Documentation]    The e-mail passes to a new identity at the provider, which then goes up to the callback.
    Change Provider    DELETE    /control/users/${PERSON.sub}
    ${other} =    Create Provider Identity    email=${PERSON.email}
    Should Not Be Equal    ${other.sub}    ${PERSON.sub}
    Open Fresh Browser
    ${url} =    Follow Login To Callback
    RETURN    ${url}
