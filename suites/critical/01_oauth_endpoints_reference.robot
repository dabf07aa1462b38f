*** Settings ***
Documentation       A login through the OpenID provider ends in tokens that every service takes;
...                 a bad one ends in a clear error, and in nothing else.
...                 Sources: RFC 6749 (OAuth 2.0), RFC 7636 (PKCE), RFC 9700 (security best practice), OpenID Connect Core.
Resource            platform.resource
Resource            auth.resource
Resource            databases.resource
Resource            oauth.resource
Resource            socket.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          A Person Known To The Provider
Test Teardown       Close All Connections
Test Tags           critical    p0    needs:oauth.provider


*** Test Cases ***
A Provider Login Yields A Token That Every Service Takes
    [Tags]    id:C01-01    req:C01.1    proto:5.27    needs:ws    needs:replicas.2
    ${tokens} =    Sign In Through The Provider
    Should Be Equal    ${tokens}[user][email]    ${PERSON.email}    the token answer names another e-mail
    Auth Sees User Id    ${USER_ID}
    Backend Sees User Id    ${USER_ID}
    Frontend Sees User Id    ${USER_ID}
    Socket Sees User Id    ${USER_ID}

The Callback Creates The User In Both Databases
    [Tags]    id:C01-02    req:C01.2    proto:2.2.28    needs:db.auth    needs:db.main
    Auth Holds No User Named    ${PERSON.email}
    ${code} =    Come Back With A Code
    ${created} =    Auth User Named    ${PERSON.email}
    Should Be Equal    ${created}[name]    ${PERSON.name}    auth_users has another name
    Should Be Equal    ${created}[status]    active    the new user is
    Identity Should Belong To    ${PERSON.sub}    ${created}[id]
    Both Databases Hold The Same User    ${created}[id]
    Auth Holds Sessions    ${created}[id]    0
    Exchange The Code    ${code}
    Auth Holds Sessions    ${created}[id]    1

The Access Token Carries The Claims Of RFC 9068
    [Tags]    id:C01-03    req:C01.2    proto:2.3.01    proto:2.3.02    proto:2.3.18
    ${tokens} =    Sign In Through The Provider
    Token Header    ${ACCESS_TOKEN}    alg    ==    ES256
    Token Header    ${ACCESS_TOKEN}    typ    ==    at+jwt
    Token Claim    ${ACCESS_TOKEN}    sub    ==    ${USER_ID}
    Token Claim    ${ACCESS_TOKEN}    sid    ==    ${tokens}[session_id]
    Token Claim    ${ACCESS_TOKEN}    email    ==    ${PERSON.email}
    Token Claim    ${ACCESS_TOKEN}    client_id    ==    web
    Token Lifetime Should Be    ${tokens}[expires_in]
    Access Token Should Verify

A Callback With A Wrong State Is Refused
    [Tags]    id:C01-06    req:C01.3    sec:O04
    ${url} =    Reach The Callback
    Callback Is Refused    ${{ $url.replace('state=', 'state=x') }}
    Callback Is Refused    ${{ $url.replace('state=', 'nostate=') }}
    Auth Holds No User Named    ${PERSON.email}

A Callback In Another Browser Is Refused
    [Tags]    id:C01-07    req:C01.3    proto:2.2.09    sec:O04
    ${url} =    Reach The Callback
    Open A Fresh Browser    other
    Callback Is Refused    ${url}    other
    Auth Holds No User Named    ${PERSON.email}

A State Is Good For One Callback
    [Tags]    id:C01-08    req:C01.3    proto:2.2.10    sec:O04
    ${url} =    Reach The Callback
    Open A Twin Of The Browser    ${BROWSER}
    Browse    browser    ${url}    status=302
    Callback Is Refused    ${url}
    Callback Is Refused    ${url}    twin
    Auth Holds One User Named    ${PERSON.email}

A Code Is Exchanged Once And Reuse Ends The Session
    [Tags]    id:C01-09    req:C01.3    proto:2.2.26    proto:2.2.27    sec:O02
    ${code} =    Come Back With A Code
    ${tokens} =    Exchange The Code    ${code}
    Get From    backend    /api/me    ${tokens}[access_token]
    Exchange Is Refused    ${code}
    Session Row Should Be    ${tokens}[session_id]    revoked
    Service Refuses The Token    backend    /api/me    ${tokens}[access_token]    session_revoked

Two Exchanges Of A Code At Once Leave No Session
    [Documentation]    One of them may win for a moment; the other is reuse, which ends the session that was made.
    [Tags]    id:C01-18    req:C01.3    proto:2.2.26    proto:2.2.27    sec:O02
    FOR    ${_}    IN RANGE    5
        ${code} =    Come Back With A Code
        ${tokens} =    Exchange Code Twice At Once    ${code}
        IF    $tokens
            Session Row Should Be    ${tokens}[session_id]    revoked
            Service Refuses The Token    backend    /api/me    ${tokens}[access_token]    session_revoked
        END
    END

A Code Needs Its Verifier, Client And Redirect URI
    [Tags]    id:C01-10    req:C01.3    proto:2.2.24    sec:O03    sec:O05
    [Template]    Exchange With A Change Is Refused
    code_verifier=not-the-verifier-that-belongs-to-this-login-attempt
    client_id=mobile
    redirect_uri=${PUBLIC_URL}/kiosk/callback

A Denied Login Creates No User
    [Tags]    id:C01-11    req:C01.3    proto:2.2.11    proto:2.2.12
    ${url} =    Reach The Callback    decision=deny
    Login Ends With Error    ${url}    access_denied
    Auth Holds No User Named    ${PERSON.email}

A Login Works Again After The Provider Failed
    [Tags]    id:C01-12    req:C01.3    proto:2.2.15    sec:O10
    ${url} =    Reach The Callback
    The Provider Fails For    ${PERSON}    token    status=${500}
    Login Ends With Error    ${url}    temporarily_unavailable
    Auth Holds No User Named    ${PERSON.email}
    The Provider Works For    ${PERSON}
    Sign In Through The Provider
    Auth Holds One User Named    ${PERSON.email}

An ID Token Of Another Login Is Refused
    [Tags]    id:C01-13    req:C01.3    proto:2.2.15    proto:2.2.16    sec:O10
    [Template]    ID Token With A Change Is Refused
    nonce    another-nonce
    aud    another-client
    iss    http://127.0.0.1/another-issuer
    exp    ${-60}
    signature    broken

A Foreign Redirect URI Gets An Error Page
    [Tags]    id:C01-14    req:C01.3    proto:2.1.01    proto:2.2.01    sec:O01
    [Template]    Redirect URI Is Not Taken
    ${PUBLIC_URL}/login/callback/more
    ${PUBLIC_URL}/login/Callback
    ${PUBLIC_URL}/login/callback?extra=1
    https://user@evil.example/login/callback
    https://evil.example/login/callback

A Login Without A Proper Code Challenge Is Refused
    [Tags]    id:C01-15    req:C01.3    proto:2.1.02    proto:2.2.02    sec:O03
    [Template]    Start With A Change Is Refused
    code_challenge=
    code_challenge_method=plain

An Identity With A New E-mail Keeps Its User
    [Tags]    id:C01-16    req:C01.3    proto:2.2.17    sec:O11
    Sign In Through The Provider
    VAR    ${first}    ${USER_ID}
    The Provider Knows Another E-mail For    ${PERSON}
    Sign In Through The Provider
    Should Be Equal    ${USER_ID}    ${first}    the identity is another user now

Another Identity With A Known E-mail Takes Over Nobody
    [Tags]    id:C01-17    req:C01.3    proto:2.2.19    sec:O11
    Sign In Through The Provider
    ${url} =    Reach The Callback As Another Identity With The Same E-mail
    Login Ends With Error    ${url}    account_exists
    Auth Holds One User Named    ${PERSON.email}


*** Keywords ***
Exchange With A Change Is Refused
    [Documentation]    A genuine code with one field of the exchange changed is refused.
    [Arguments]    &{changes}
    ${code} =    Come Back With A Code
    For The Case    ${changes}    Exchange Is Refused    ${code}    &{changes}

ID Token With A Change Is Refused
    [Documentation]    The provider signs an ID token with one claim wrong (or breaks it): the login fails and makes nobody.
    [Arguments]    ${claim}    ${value}
    A Person Known To The Provider
    ${url} =    Reach The Callback
    The Provider Fails For    ${PERSON}    id_token    ${claim}=${value}
    For The Case    ID token with ${claim} ${value}    Login Ends With Error    ${url}    server_error
    Auth Holds No User Named    ${PERSON.email}

Redirect URI Is Not Taken
    [Documentation]    Auth shows an error and redirects nowhere.
    [Arguments]    ${redirect_uri}
    ${response} =    Start A Login    callback=${redirect_uri}    status=400
    Should Not Contain    ${response.headers}    Location    redirected though ${redirect_uri} is foreign

Start With A Change Is Refused
    [Documentation]    Auth sends the client back at once with ``invalid_request``.
    [Arguments]    &{changes}
    ${response} =    Start A Login    &{changes}
    For The Case    ${changes}    Redirect Should Carry Error    ${response}    ${PUBLIC_URL}/login/callback    invalid_request
