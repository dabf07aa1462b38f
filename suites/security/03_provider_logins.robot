*** Settings ***
Documentation       What a login through the provider promises beyond its course: whom it lets in, for how long its parts are good, and that
...                 a provider which hangs holds up nobody for long.
...                 Sources: docs/protocol.md §2.1 and §2.2, RFC 6749 §4.1.2 (lifetime of a code) and §4.1.2.1, RFC 9700 §2.1,
...                 OpenID Connect Core §5.7 (verified e-mail), OWASP WSTG SESS-02 (cookie attributes).
Resource            oauth.resource
Resource            security.resource
Library             RedisLibrary
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Create Provider Person
Test Tags           security    p0    req:X03    needs:oauth.provider    needs:db.auth


*** Test Cases ***
An E-mail That The Provider Has Not Verified Makes Nobody
    [Tags]    id:SE-17    proto:2.2.13    sec:O11
    Create Provider Person With    email_verified=${False}
    ${url} =    Follow Login To Callback
    Login Should End With Error    ${url}    access_denied
    Auth Should Hold No User With E-mail    ${PERSON.email}

A Name That No User Can Have Makes Nobody
    [Tags]    id:SE-18    sec:O11
    Create Provider Person With    name=${{ 'N\x00 Name' }}
    ${url} =    Follow Login To Callback
    Login Should End With Error    ${url}    server_error
    Auth Should Hold No User With E-mail    ${PERSON.email}

A Deactivated User Does Not Come In Through The Provider
    [Tags]    id:SE-19    proto:2.2.14    sec:S04
    Sign In Through Provider
    Post To    auth    /users/me/deactivate    ${{ {} }}    ${ACCESS_TOKEN}    status=204
    ${url} =    Follow Login To Callback
    Login Should End With Error    ${url}    access_denied

A One-time Code Is Stored Hashed For A Minute
    [Tags]    id:SE-20    proto:2.2.20    proto:2.2.21    sec:O05    needs:redis
    ${code} =    Follow Login To Code
    VAR    ${key}    code:${{ hashlib.sha256($code.encode()).hexdigest() }}
    Get Redis Ttl    ${key}    validate    0 < value <= 60    message=a one-time code that nobody redeems is good for longer than a minute
    Get Redis Keys    *${code}*    ==    ${{ [] }}    message=Redis keeps the code itself
    Delete Redis Keys    ${key}
    Exchange Should Be Refused    ${code}
    ${user} =    Get Auth User By E-mail    ${PERSON.email}
    Auth Should Hold Session Count    ${user}[id]    0

A Pending Login Is Stored Hashed For Five Minutes
    [Tags]    id:SE-21    proto:2.2.04    sec:O04    needs:redis
    ${url} =    Follow Login To Callback
    VAR    ${state}    ${{ urllib.parse.parse_qs(urllib.parse.urlsplit($url).query)['state'][0] }}
    Get Redis Ttl    login:${{ hashlib.sha256($state.encode()).hexdigest() }}    validate    0 < value <= 300
    ...    message=a login that nobody ends may be ended later than five minutes after its begin
    Get Redis Keys    *${state}*    ==    ${{ [] }}    message=Redis keeps the state itself

The Login Cookie Is HttpOnly, SameSite And Secure
    [Tags]    id:SE-22    proto:2.2.05    sec:S09
    ${response} =    Start Login
    VAR    ${cookie}    ${response.headers}[Set-Cookie]
    Should Start With    ${cookie}    __Host-login-    the cookie of the login has another name
    Cookie Should Have    ${cookie}    secure    httponly    samesite=lax    path=/
    Should Not Contain    ${cookie.lower()}    domain\=    the cookie of the login goes to other hosts, too

A Login Makes A Session Of Its Own Client
    [Tags]    id:SE-23
    ${tokens} =    Sign In Through Provider    api    ${PUBLIC_URL}/api-client/callback
    Get Token Claim    ${ACCESS_TOKEN}    client_id    ==    api
    Should Be Stored    auth    type and client of the session in sessions
    ...    SELECT type || ' ' || client_id FROM sessions WHERE id = %s    ${tokens}[session_id]    API api

A Token Is Never Given In A Redirect
    [Tags]    id:SE-24    sec:O07
    ${response} =    Start Login    response_type=token
    Redirect Should Carry Error    ${response}    ${PUBLIC_URL}/login/callback    unsupported_response_type

A Hanging Provider Is Given Up Within Seconds
    [Tags]    id:SE-25    sec:O10
    ${url} =    Follow Login To Callback
    Make Provider Fail For    ${PERSON}    token    delay=${9}
    Login Should Be Given Up    ${url}    temporarily_unavailable
    Auth Should Hold No User With E-mail    ${PERSON.email}
    Make Provider Work For    ${PERSON}
    Sign In Through Provider


*** Keywords ***
Create Provider Person With
    [Documentation]    A new person of whom the provider says this: sets ``PERSON``.
    [Arguments]    &{claims}
    ${person} =    Create Provider Identity    &{claims}
    VAR    ${PERSON}    ${person}    scope=TEST

Cookie Should Have
    [Documentation]    A ``Set-Cookie`` field has each of these attributes (RFC 6265 §4.1.2).
    [Arguments]    ${cookie}    @{attributes}
    VAR    ${has}    ${{ [part.strip().lower() for part in $cookie.split(';')[1:]] }}
    FOR    ${attribute}    IN    @{attributes}
        Should Contain    ${has}    ${attribute}    the cookie of the login lacks ${attribute}
    END

Login Should Be Given Up
    [Documentation]    The callback of a login whose provider hangs for nine seconds ends with this error, well before the provider answers.
    [Arguments]    ${url}    ${error}
    ${response} =    Browse    browser    ${url}    status=302
    VAR    ${seconds}    ${response.elapsed.total_seconds()}
    Value Should Be Within Budget    wait of the browser for a provider that hangs    ${seconds}    8s
    Redirect Should Carry Error    ${response}    ${ATTEMPT.redirect_uri}    ${error}
