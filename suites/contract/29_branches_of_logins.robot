*** Settings ***
Documentation       Logins that end otherwise than well, and what frontend makes of its cookies at the edges of what it declares.
...                 Sources: RFC 6749 §4.1.2.1, RFC 7636 §4.4.1, OpenID Connect Core §5.1, RFC 9110 §10.2.3; docs/protocol.md §2.2 and §5.
Resource            branches.resource
Resource            browser.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Create Provider Person
Test Teardown       Close All Connections
Test Tags           contract    p1    needs:oauth.provider


*** Test Cases ***
A Login Leads To Its Own Client Alone
    [Tags]    id:CT-280    req:C01.3    proto:2.1.01    proto:2.2.01    sec:O01
    [Template]    Client Should Not Be Sent Back
    web       ${PUBLIC_URL}/kiosk/callback
    mobile    ${PUBLIC_URL}/login/callback
    nobody    ${PUBLIC_URL}/login/callback

A Bad Challenge Brings The Client's State Back
    [Tags]    id:CT-281    req:C01.3    proto:2.1.02    proto:2.2.02    sec:O03
    [Template]    Beginning Should Bring State Back
    code_challenge_method=
    code_challenge_method=s256
    code_challenge=${{ 'x' * 42 }}
    code_challenge=${{ 'x' * 44 }}

Each Answer Of The Provider Has Its Error
    [Tags]    id:CT-282    req:C01.3    proto:2.2.11    proto:2.2.15    sec:O10
    [Template]    Provider's Answer Should End In
    error\=access_denied               access_denied
    error\=temporarily_unavailable     temporarily_unavailable
    error\=interaction_required        server_error
    nothing\=at-all                    server_error

An E-mail That Is Unverified In Words Makes Nobody
    [Documentation]    Some providers write the claim as a text.
    [Tags]    id:CT-283    req:C01.3    proto:2.2.13    sec:O11
    ${url} =    Follow Login To Callback
    Make Provider Fail For    ${PERSON}    id_token    email_verified=false
    Login Should End With Error    ${url}    access_denied
    Auth Should Hold No User With E-mail    ${PERSON.email}

An E-mail Needs The Provider's Word
    [Documentation]    Some providers say nothing of it, and some write that it is verified as a text.
    [Tags]    id:CT-330    req:C01.3    proto:2.2.13    sec:O11
    ${url} =    Follow Login To Callback
    Make Provider Fail For    ${PERSON}    id_token    email_verified=${None}
    Login Should End With Error    ${url}    access_denied
    Auth Should Hold No User With E-mail    ${PERSON.email}
    ${url} =    Follow Login To Callback
    Make Provider Fail For    ${PERSON}    id_token    email_verified=True
    ${answer} =    Browse    browser    ${url}    status=302
    Should Contain    ${answer.headers}[Location]    code\=    a login with an e-mail that is verified in words

A State Is Spent By The Wrong Browser Too
    [Documentation]    Who began the login has to begin again.
    [Tags]    id:CT-376    req:C01.3    proto:2.2.10    sec:O04
    ${url} =    Follow Login To Callback
    Open Fresh Browser    other
    Callback Should Be Refused    ${url}    other
    Callback Should Be Refused    ${url}

Two First Logins Of A Person Make One User
    [Documentation]    In two browsers at one instant; several persons, since at some instants one of the two is just over.
    [Tags]    id:CT-377    req:C01.3    proto:2.2.17    sec:O11
    FOR    ${_}    IN RANGE    4
        Create Provider Person
        Both First Logins Should Get A Code
    END

A Code Outlives No User
    [Tags]    id:CT-284    req:C01.3    proto:2.2.24    sec:O05    needs:session.admin    needs:db.auth
    [Template]    Code Of User Should Be Good For Nothing
    POST      /deactivate
    DELETE    ${EMPTY}

A Login That Failed Is Over
    [Tags]    id:CT-285    req:C01.3    proto:5.31    sec:O04
    ${begun} =    Start Login At Frontend
    Browse    browser    /login/callback?state=${begun}[state]&error=access_denied    status=403
    ${again} =    Browse    browser    /login/callback?state=${begun}[state]&error=access_denied    status=anything
    Should Be Equal As Integers    ${again.status_code}    400    a login that has failed comes back once more
    Answer Should Be Problem    ${again}    invalid_state

A Login That Must Wait Names The Time
    [Documentation]    In the problem and on the page alike.
    [Tags]    id:CT-286    req:C06.1    proto:1.25    proto:5.34    proto:5.37
    FOR    ${accept}    IN    application/json    text/html
        ${begun} =    Start Login At Frontend
        VAR    &{fields}    Accept=${accept}
        VAR    ${path}    /login/callback?state=${begun}[state]&error=temporarily_unavailable
        ${response} =    GET On Session    browser    url=${path}    headers=${fields}    expected_status=anything
        ...    verify=${VERIFY_TLS_BY}
        Should Be Equal As Integers    ${response.status_code}    503    a login that came back with the provider away
        Should Be True    int($response.headers.get('Retry-After', 0)) >= 1    a login that must wait has no Retry-After as ${accept}
    END

Five Logins Of One Browser All Stay
    [Documentation]    The sixth removes the oldest, and the seventh the next.
    [Tags]    id:CT-287    req:C03.1    proto:2.2.08    proto:5.06    sec:O04
    VAR    @{begun}    @{EMPTY}
    FOR    ${_}    IN RANGE    7
        ${cookies} =    Begin Login In Browser
        VAR    @{begun}    @{begun}    @{cookies}
    END
    VAR    ${kept}    ${{ [name for name in $BROWSER.cookies.keys() if name.startswith(('__Host-flow-', '__Host-login-'))] }}
    Length Should Be    ${kept}    10    the cookies of seven logins of one browser, two of each: ${{ len($kept) }}
    Should Be Equal    ${{ {*$kept} }}    ${{ {*$begun[-10:]} }}    not the oldest logins of a browser lose their cookies

A Login Ends On This Origin Alone
    [Tags]    id:CT-288    req:C03.1    proto:5.10    proto:5.11    sec:O01
    [Template]    Login Should End At
    /\t/evil.example/    /
    chat                 /
    /chat?a\=1#b         /chat?a\=1#b

A Sign-out Ends The Session With Either Cookie
    [Tags]    id:CT-289    req:C03.3    proto:5.12    proto:5.13    proto:5.60    sec:S03    needs:db.auth
    [Template]    Sign-out Should End Session
    /logout             access            204
    /logout             refresh           204
    /logout             broken refresh    204
    /logout/provider    access            200
    /logout/provider    refresh           200
    /logout/provider    broken refresh    200

A Foreign Page Acts By No Method
    [Tags]    id:CT-290    req:X03    proto:5.29    sec:W01    needs:db.auth
    [Setup]    Sign In New User
    [Template]    Foreign Page Should Be Refused
    PUT       /api/preferences     access
    PATCH     /users/me            access
    DELETE    /users/me            access
    POST      /logout              access
    POST      /logout/provider     refresh
    POST      /logout/provider     access
    POST      /session/refresh     refresh

No Token Travels In A Query By Any Name
    [Tags]    id:CT-291    req:X04    proto:5.54    sec:W02
    [Template]    Query Should Be Refused
    refresh_token\=abc
    id_token\=abc
    Access_Token\=abc
    access_token\=
    a\=1&token\=abc
    any\=eyJhbGciOiJub25lIn0.e30.

A Body Has One Largest Size
    [Tags]    id:CT-292    req:X03    proto:1.06
    [Setup]    Sign In New User
    [Template]    Body Of Size Should Be Answered
    ${{ (1 << 20) + (64 << 10) }}        200
    ${{ (1 << 20) + (64 << 10) + 1 }}    413


*** Keywords ***
Both First Logins Should Get A Code
    [Documentation]    Of a person whom auth does not know yet; both callbacks are opened at one instant.
    VAR    @{requests}    @{EMPTY}
    FOR    ${name}    IN    browser    other
        ${browser} =    Open Fresh Browser    ${name}
        ${url} =    Follow Login To Callback    browser=${name}
        VAR    &{request}    url=${url}    cookies=${browser.cookies}
        VAR    @{requests}    @{requests}    ${request}
    END
    ${replies} =    Send At Once    ${requests}    ca_file=${CA_FILE}
    FOR    ${reply}    IN    @{replies}
        Should Contain    ${reply.headers}[location]    code\=    one of two first logins of a person has no code
    END

Client Should Not Be Sent Back
    [Documentation]    A login of this client to this address is refused by a page, and leads nowhere.
    [Arguments]    ${client_id}    ${callback}
    ${response} =    Start Login    client_id=${client_id}    callback=${callback}    status=400
    Should Not Contain    ${response.headers}    Location    a login of ${client_id} leads to ${callback}

Beginning Should Bring State Back
    [Documentation]    A login whose challenge is not good is sent back with the client's state, whatever characters that has.
    [Arguments]    &{changes}
    VAR    ${state}    a b&c=é/#?%25
    ${response} =    Start Login    state=${state}    &{changes}
    Redirect Should Carry Error    ${response}    ${PUBLIC_URL}/login/callback    invalid_request
    ${query} =    Read Query Of Redirect    ${response}
    Should Be Equal    ${{ $query.get('state') }}    ${state}    the client's state of a login with ${changes}

Provider's Answer Should End In
    [Documentation]    A way back from the provider with this in the place of the code ends the login with this error.
    [Arguments]    ${answer}    ${error}
    ${url} =    Follow Login To Callback
    Run Case    ${answer}    Login Should End With Error    ${{ $url.replace('code=', $answer + '&unknown=') }}    ${error}

Code Of User Should Be Good For Nothing
    [Documentation]    A code whose user is deactivated or deleted by this request before it is exchanged is refused as any bad code.
    [Arguments]    ${method}    ${act}
    Create Provider Person
    ${code} =    Follow Login To Code
    ${user} =    Get Auth User By E-mail    ${PERSON.email}
    Ask For    ${method}    ${AUTH_URL}/admin/users/${user}[id]${act}    token=${SERVICE_TOKEN}
    Run Case    ${method} ${act}    Exchange Should Be Refused    ${code}

Sign-out Should End Session
    [Documentation]    A sign-out with these cookies alone is answered with this status, and ends the session.
    [Arguments]    ${path}    ${cookies}    ${status: int}
    Sign In New User
    ${response} =    Post With Cookies    ${path}    ${cookies}
    Should Be Equal    ${response.status_code}    ${status}    ${path} with ${cookies}
    Cookies Should Be Removed    ${response}    __Host-access    __Host-refresh
    Session Of User Should Be    revoked    ${path} with ${cookies}

Foreign Page Should Be Refused
    [Documentation]    A page of another origin acts by no method and no path with these cookies.
    [Arguments]    ${method}    ${path}    ${cookies}
    ${response} =    Post With Cookies    ${path}    ${cookies}    ${method}    https://evil.example
    Should Be Equal As Integers    ${response.status_code}    403    ${method} ${path} of a foreign page with ${cookies}
    Answer Should Be Problem    ${response}    origin_not_allowed
    Session Of User Should Be    active    ${method} ${path} of a foreign page

Query Should Be Refused
    [Documentation]    A request whose query string has this is refused at each way through frontend.
    [Arguments]    ${query}
    FOR    ${path}    IN    /api/me    /users/me    /auth/sessions    /.well-known/jwks.json
        Request Should Be Answered    400    GET    ${PUBLIC_URL}${path}?${query}    token=${None}    code=invalid_request
    END

Body Of Size Should Be Answered
    [Documentation]    A body of so many bytes is answered with this status by auth, directly and through frontend, declared or in chunks.
    [Arguments]    ${bytes: int}    ${status: int}
    VAR    ${body}    ${{ b'{"name": "Some Body", "more": "' + b'x' * ($bytes - 33) + b'"}' }}
    FOR    ${url}    IN    ${AUTH_URL}    ${PUBLIC_URL}
        FOR    ${how}    IN    declared    in chunks
            VAR    ${sent}    ${{ $body if $how == 'declared' else iter([$body[:1000], $body[1000:]]) }}
            ${fields} =    Make Request Headers    token=${ACCESS_TOKEN}    Content-Type=application/json
            VAR    &{request}    data=${sent}    headers=${fields}    verify=${VERIFY_TLS_BY}    timeout=${30}
            ${response} =    Evaluate    requests.patch($url + '/users/me', **$request)    modules=requests
            Should Be Equal    ${response.status_code}    ${status}    ${bytes} bytes ${how} at ${url}
        END
    END

Begin Login In Browser
    [Documentation]    The browser goes from ``/login`` as far as the provider; returns the names of the cookies that frontend and auth set.
    ${begun} =    Browse    browser    /login    status=303
    ${to_auth} =    Read Redirect    ${begun}
    ${answer} =    Browse    browser    ${to_auth.url}    status=302
    RETURN    ${{ [name for response in ($begun, $answer) for name, value in response.cookies.items() if value] }}
