*** Settings ***
Documentation       Who signs out at the provider is signed out here, by the provider's word alone; who signs out here may sign out there,
...                 and at every other application of the provider.
...                 Sources: OpenID Connect Back-Channel Logout 1.0 §2.4 to §2.8, RP-Initiated Logout 1.0 §2; docs/protocol.md §2.7.
Library             OAuthLibrary
Library             PlatformLibrary
Resource            auth.resource
Resource            browser.resource
Resource            http.resource
Resource            oauth.resource
Resource            platform.resource
Resource            socket.resource
Suite Setup         Open Private Platform    backends=2
Suite Teardown      Leave Platform
Test Setup          Sign In Person Through Provider
Test Teardown       Close All Connections
Test Tags           contract    p1    req:S09    needs:oauth.provider    needs:replicas.2    needs:platform.private


*** Variables ***
${CLIENT}           lockstep
${SECOND}           second-application
${SECOND_SECRET}    a secret of the second application


*** Test Cases ***
A Sign-out At The Provider Ends Its Session
    [Documentation]    Tokens, refresh and socket of that login end; another login of the same person, in another browser, goes on.
    [Tags]    id:S09-05    proto:2.7.01    proto:2.7.02    proto:2.7.03    needs:ws
    ${other} =    Sign In In Another Browser
    Open Chat Socket
    End Provider Session    ${SID}
    Open Socket Should Be Closed With    4003    within=3s
    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
    Refresh Should Be Refused With    ${REFRESH_TOKEN}    invalid_grant
    Provider Should Have Delivered    ${SID}    200
    Get From    auth    /users/me    ${other}[access_token]

A Logout Token That Breaks A Rule Ends Nothing
    [Tags]    id:S09-06    proto:2.7.04
    [Template]    Logout Token Should Be Refused
    it is an ID token too    claims=${{ {'nonce': 'n'} }}
    no events    claims=${{ {'events': None} }}
    another event    claims=${{ {'events': {'http://schemas.openid.net/event/other': {}}} }}
    an event that is no object    claims=${{ {'events': {'http://schemas.openid.net/event/backchannel-logout': True}} }}
    another application    claims=${{ {'aud': 'another'} }}
    another provider    claims=${{ {'iss': 'https://other.example.test'} }}
    without an id    claims=${{ {'jti': None} }}
    nobody named    claims=${{ {'sub': None, 'sid': None} }}

A Logout Token Of Wrong Time Or Signature Ends Nothing
    [Tags]    id:S09-13    proto:2.7.04
    [Template]    Logout Token Should Be Refused
    expired    claims=${{ {'iat': 1, 'exp': 60} }}
    issued in the future    claims=${{ {'iat': int(time.time()) + 600, 'exp': int(time.time()) + 660} }}
    without expiry    claims=${{ {'exp': None} }}
    an access token    header=${{ {'typ': 'at+jwt'} }}
    not signed    key=none
    signed by another    key=foreign

A Logout Token Is Taken Once
    [Tags]    id:S09-07    proto:2.7.05
    ${token} =    Make Logout Token    ${{ {'sid': None} }}
    Send Logout Token    ${token}    200
    Sign In Person Again
    Send Logout Token    ${token}    400
    Get From    auth    /users/me    ${ACCESS_TOKEN}

A Logout Token Is Taken Once Up To Its End
    [Documentation]    Clocks may differ, so one is taken for two seconds more than it lives, and remembered as long.
    [Tags]    id:S09-25    proto:2.7.05
    ${token} =    Make Logout Token    ${{ {'sid': None, 'exp': int(time.time()) + 1} }}
    Send Logout Token    ${token}    200
    Sign In Person Again
    Wait Until Token Has Expired    ${token}
    Send Logout Token    ${token}    400
    Get From    auth    /users/me    ${ACCESS_TOKEN}

A Logout Token Without Session Ends All Of The Person
    [Tags]    id:S09-08    proto:2.7.01    proto:2.7.02    proto:2.7.03
    ${other} =    Sign In In Another Browser
    ${token} =    Make Logout Token    ${{ {'sid': None} }}
    Send Logout Token    ${token}    200
    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
    Every Service Should Refuse Token    ${other}[access_token]    session_revoked

A Sign-out Reaches Every Application Of The Provider
    [Documentation]    A second platform is another client of the same provider; the person is signed in at both by one browser.
    [Tags]    id:S09-09    proto:2.7.06    proto:2.7.07
    ${second} =    Sign In At Second Application
    ${url} =    Sign Out At Provider Too
    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
    ${answer} =    Browse    browser    ${url}    status=303
    Should Be Equal    ${answer.headers}[Location]    ${PUBLIC_URL}/    the browser is sent elsewhere
    Session At Second Application Should Have Ended    ${second}

A Session Of An Unknown Login Ends With Its Person
    [Documentation]    As one that the previous release has made, which did not write down by which login.
    [Tags]    id:S09-11    proto:2.7.09    needs:db.auth
    Remove Login From Session
    End Provider Session    ${SID}
    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked

A Migrated Session Ends With Its Login
    [Tags]    id:S09-15    req:M11.1    proto:2.5.11    proto:2.7.01    needs:session.admin
    ${moved} =    Post To    auth    /admin/sessions/${USER.session_id}/migrate    ${{ {'type': 'SSO'} }}    ${SERVICE_TOKEN}    status=201
    VAR    ${token}    ${moved.json()}[access_token]
    Get From    auth    /users/me    ${token}
    End Provider Session    ${SID}
    Every Service Should Refuse Token    ${token}    session_revoked

A Browser Signs Out At The Provider Too
    [Tags]    id:S09-12    proto:5.60
    Sign In Person In Browser
    ${url} =    Sign Out In Browser At Provider Too
    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
    Browse    browser    ${url}    status=303
    Browse    browser    /api/me    status=401
    Person Should Have No Session At Provider

An Expired Token Still Signs Out At The Provider
    [Tags]    id:S09-24    proto:5.63    needs:jwt.signing_key
    Sign In Person In Browser
    Expire Access Cookie
    ${url} =    Sign Out In Browser At Provider Too
    Browse    browser    ${url}    status=303
    Person Should Have No Session At Provider

A Sign-out Needs No Provider
    [Documentation]    The session here ends at once, though nobody can be notified of it there.
    [Tags]    id:S09-10    proto:2.7.08    needs:control.kill
    Kill Service    provider
    Sign Out At Provider Too
    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
    [Teardown]    Start Service    provider

A Sign-out After A Restart Needs No Provider
    [Documentation]    Auth knows nothing of the provider, which is away, and so cannot say where the browser is to go.
    [Tags]    id:S09-26    proto:2.7.08    needs:control.kill
    Kill Service    provider
    Restart Service    auth
    ${url} =    Sign Out At Provider Too
    Should Be Equal    ${url}    ${None}    where the browser is to go without a provider
    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
    [Teardown]    Start Service    provider


*** Keywords ***
Sign In Person Through Provider
    [Documentation]    A new person signs in through the provider: sets ``USER``, ``ACCESS_TOKEN``, ``REFRESH_TOKEN`` and
    ...    ``SID``, the session at the provider.
    Create Provider Person
    Sign In Person Again

Provider Should Have Delivered
    [Documentation]    The provider has sent one logout token for a session, and was answered with this status.
    [Arguments]    ${sid}    ${status: int}
    ${sent} =    Ask Provider    GET    /control/logouts?sid=${sid}    200
    Should Be Equal    ${{ [one['status'] for one in $sent.json()] }}    ${{ [$status] }}    how logout tokens were answered

Remove Login From Session
    [Documentation]    The auth database knows of the current session only whose it is at the provider.
    Execute Sql String    UPDATE provider_sessions SET provider_sid = NULL WHERE session_id = '${USER.session_id}'    alias=auth

Sign Out In Browser At Provider Too
    [Documentation]    The browser signs out at frontend, which takes its cookies; returns where it is to go then.
    ${response} =    Post In Browser    /logout/provider    status=200
    Should Be Equal    ${{ $BROWSER.cookies.get('__Host-refresh') }}    ${None}    the browser keeps its cookies
    RETURN    ${response.json()}[end_session_url]

Sign In At Second Application
    [Documentation]    Starts a second platform as another client of this provider; the current person signs in there by the same browser.
    ...    Returns the tokens, with the address of auth there.
    VAR    &{options}    PROVIDER_URL=${PROVIDER_URL}    PROVIDER_CLIENT_ID=${SECOND}    PROVIDER_CLIENT_SECRET=${SECOND_SECRET}
    Use Private Platform    alias=second    &{options}
    VAR    ${auth}    ${AUTH_URL}
    VAR    @{uris}    ${PUBLIC_URL}/auth/google/callback
    VAR    &{client}    secret=${SECOND_SECRET}    redirect_uris=${uris}    backchannel_logout_uri=${auth}/auth/backchannel-logout
    Switch Platform
    Ask Provider    PUT    /control/clients/${SECOND}    204    ${client}
    ${tokens} =    Sign In There By Same Browser
    RETURN    ${{ {**$tokens, 'auth': $auth} }}

Sign In There By Same Browser
    [Documentation]    The current person signs in at the second platform, by a browser with the same cookies; returns the tokens.
    Switch Platform    second
    Open Services And Databases
    Open Twin Browser    ${BROWSER}    at the second
    ${code} =    Follow Login To Code    browser=at the second
    ${tokens} =    Exchange Code    ${code}
    Get From    auth    /users/me    ${tokens}[access_token]
    Switch Platform
    Open Services And Databases
    RETURN    ${tokens}

Session At Second Application Should Have Ended
    [Documentation]    Auth of the second platform refuses the token of the session that was made there.
    [Arguments]    ${tokens}
    VAR    &{headers}    Authorization=Bearer ${tokens}[access_token]
    ${answer} =    Evaluate    requests.get($tokens['auth'] + '/users/me', headers=$headers, timeout=10)    modules=requests
    Should Be Equal As Integers    ${answer.status_code}    401    the session at the second application goes on

Sign In Person Again
    [Documentation]    The current person signs in by the current browser.
    ${tokens} =    Sign In Through Provider
    VAR    &{user}    id=${tokens}[user][id]    session_id=${tokens}[session_id]
    VAR    ${USER}    ${user}    scope=TEST
    ${sessions} =    Ask Provider    GET    /control/sessions?sub=${PERSON.sub}    200
    VAR    ${SID}    ${sessions.json()}[0][sid]    scope=TEST

Sign In In Another Browser
    [Documentation]    The same person signs in by a browser that the provider does not know; returns the tokens.
    Open Fresh Browser    elsewhere
    ${code} =    Follow Login To Code    browser=elsewhere
    ${tokens} =    Exchange Code    ${code}
    RETURN    ${tokens}

Ask Provider
    [Documentation]    One call of the provider's control, or of its endpoints; returns the answer, which has this status.
    [Arguments]    ${method}    ${path}    ${status}    ${body}=${None}
    VAR    &{headers}    Authorization=Bearer ${SERVICE_TOKEN.value}
    ${response} =    Evaluate    requests.request($method, $PROVIDER_URL + $path, json=$body, headers=$headers, timeout=10)
    ...    modules=requests
    Should Be Equal As Integers    ${response.status_code}    ${status}    the provider's answer to ${method} ${path}
    RETURN    ${response}

End Provider Session
    [Documentation]    The provider ends one of its sessions, and notifies every application that it was used for.
    [Arguments]    ${sid}
    Ask Provider    DELETE    /control/sessions/${sid}    204

Make Logout Token
    [Documentation]    A logout token for the current person and their session, with these changes.
    [Arguments]    ${claims}=${{ {} }}    ${header}=${{ {} }}    ${key}=own
    VAR    &{wanted}    client_id=${CLIENT}    sub=${PERSON.sub}    sid=${SID}    claims=${claims}    header=${header}    key=${key}
    ${made} =    Ask Provider    POST    /control/logout-tokens    200    ${wanted}
    RETURN    ${made.json()}[logout_token]

Send Logout Token
    [Documentation]    Posts a logout token to auth, as the provider does; the answer has this status and may not be kept.
    [Arguments]    ${token}    ${status}
    VAR    &{form}    logout_token=${token}
    ${response} =    Post Form To    auth    /auth/backchannel-logout    ${form}    status=${status}
    Should Be Equal    ${response.headers}[Cache-Control]    no-store    the answer may be kept
    RETURN    ${response}

Logout Token Should Be Refused
    [Documentation]    A logout token that is wrong in this way is answered with 400 and ends nothing.
    [Arguments]    ${what}    ${claims}=${{ {} }}    ${header}=${{ {} }}    ${key}=own
    ${token} =    Make Logout Token    ${claims}    ${header}    ${key}
    ${response} =    Send Logout Token    ${token}    anything
    Should Be Equal As Integers    ${response.status_code}    400    a logout token is taken that is wrong: ${what}
    Should Be Equal    ${response.json()}[error]    invalid_request    the error
    Get From    auth    /users/me    ${ACCESS_TOKEN}

Sign Out At Provider Too
    [Documentation]    The user signs out; returns where the browser is to go to sign out at the provider.
    ${response} =    Post To    auth    /auth/logout/provider    ${{ {} }}    ${ACCESS_TOKEN}
    RETURN    ${response.json()}[end_session_url]

Person Should Have No Session At Provider
    [Documentation]    The provider knows the current person in no browser any more.
    ${sessions} =    Ask Provider    GET    /control/sessions?sub=${PERSON.sub}    200
    Should Be Empty    ${sessions.json()}    the person is still signed in at the provider

Expire Access Cookie
    [Documentation]    The access token that the browser holds has expired, as in a tab that was left alone; its refresh token is good.
    VAR    ${cookie}    ${{ next(one for one in $BROWSER.cookies if one.name == '__Host-access') }}
    ${expired} =    Forge Token    ${cookie.value}    expired    key=${SIGNING_KEY_FILE}
    Evaluate    setattr($cookie, 'value', $expired)
