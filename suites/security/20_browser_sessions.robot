*** Settings ***
Documentation       A browser holds its session in cookies that no script reads and no other site uses; it is refreshed once, replaced
...                 whole, and ended for good. Sources: OWASP ASVS 5.0 3.3 (cookies), 3.5 (requests of other origins), 7.2.4 and 7.4.1
...                 (sessions end), OWASP WSTG-SESS-02 and SESS-05, RFC 9700 §4.7 (CSRF), RFC 6455 §10.2 (Origin);
...                 docs/protocol.md §1 and §5.
Resource            browser.resource
Suite Setup         Open Private Platform    proxies=frontend->auth
Suite Teardown      Leave Platform
Test Teardown       Run Keywords    Close All Connections    AND    Heal All
Test Tags           security    p0    req:X03    needs:oauth.provider    needs:net.faults    needs:db.auth    needs:db.main


*** Test Cases ***
No Script And No Other Host Gets A Browser's Cookies
    [Tags]    id:SE-49    proto:5.04    proto:5.07    proto:5.08    proto:5.15    proto:5.16    sec:S09
    ${landed} =    Sign In Person In Browser
    Cookie Should Be Protected    ${LOGIN_BEGUN}    __Host-flow-    max_age=${300}
    Every Protected Cookie Should Be Set    ${landed}
    ${refreshed} =    Post In Browser    /session/refresh    status=200
    Every Protected Cookie Should Be Set    ${refreshed}    ${refreshed.json()}[refresh_expires_in]
    Should Not Contain    ${refreshed.text}    token    the page's scripts are shown tokens

A Foreign Origin Cannot Act With A Browser's Cookies
    [Tags]    id:SE-50    proto:5.29    proto:5.30    sec:W01    needs:ws
    Sign In Person In Browser
    Foreign Pages Should Not Act    ${None}    null    https://evil.example    ${{ $PUBLIC_URL.replace('https:', 'http:') }}
    ...    ${PUBLIC_URL}.evil.example    ${PUBLIC_URL}0    ${PUBLIC_URL}/    ${{ $PUBLIC_URL[:-1] }}
    Nothing Should Have Been Done For User
    Own Page Should Act

A Browser's Cookie Is Its Token At Every Endpoint
    [Tags]    id:SE-51    proto:5.28    needs:ws
    Sign In Person In Browser
    Browser Should See User Id    ${USER_ID}
    Page Socket Should See User Id    ${USER_ID}
    ${other} =    Create User
    Token Should Go Before Cookie    ${other}
    Page Socket Should See User Id    ${other.id}    ${other.access_token}
    Page Socket Should See User Id    ${other.id}    ${other.access_token}    ${BACKEND_SOCKET_URL}

Tabs That Refresh At One Instant Share One Refresh
    [Tags]    id:SE-52    req:C04.3    proto:5.21    sec:O06
    Sign In Person In Browser
    Refresh Tabs At One Instant    10
    Session Should Be    active, refreshed 1
    Browser Should See User Id    ${USER_ID}

A Failed Refresh Keeps Cookies Unless Auth Refused It
    [Tags]    id:SE-53    proto:5.17    proto:5.18    proto:5.19    proto:5.20
    Sign In Person In Browser
    Refresh Without Cookie Should Be Refused
    Cookies Should Stay While Auth Is Away
    Session Should Be    active, refreshed 0
    Log Out
    Refused Refresh Should Sign Browser Out

A Spent Refresh Cookie Repeats Nothing By Itself
    [Documentation]    Anyone who has stolen the refresh cookie alone, or shows another access cookie with it, is a thief: the session ends.
    [Tags]    id:SE-93    proto:5.23    sec:O06
    [Template]    Spent Refresh Cookie Should End Session
    ${EMPTY}
    another.access.token

A New Login Ends The Session That The Browser Had
    [Tags]    id:SE-54    proto:5.09    sec:S01    needs:ws
    Sign In Person In Browser
    VAR    ${first}    ${SESSION_ID}
    VAR    ${old_token}    ${ACCESS_TOKEN}
    Open Twin Browser    ${BROWSER}
    Sign In In Browser
    Session Should Be    revoked, refreshed 0    ${first}
    Session Should Be    active, refreshed 0
    Every Service Should Refuse Token    ${old_token}    session_revoked
    Refused Refresh Should Sign Browser Out    twin
    Browser Should See User Id    ${USER_ID}

A New Login Ends A Session Without Its Access Cookie
    [Tags]    id:SE-97    proto:5.09    sec:S01
    Sign In Person In Browser
    VAR    ${first}    ${SESSION_ID}
    Put Access Cookie    ${BROWSER}    ${EMPTY}
    Sign In In Browser
    Session Should Be    revoked, refreshed 0    ${first}
    Session Should Be    active, refreshed 0

A Logout Ends The Session And Removes The Cookies
    [Tags]    id:SE-55    proto:5.12    proto:5.13    proto:5.14    sec:S03    needs:ws
    Sign In Person In Browser
    Sign Out Browser
    Refresh Should Find No Cookie

A Login Ends On This Origin Whatever Was Asked For
    [Tags]    id:SE-56    proto:5.10    proto:5.11    sec:O01
    [Setup]    Create Provider Person
    [Template]    Login Should End At
    /chat?with=me             /chat?with=me
    //evil.example/           /
    @evil.example/            /
    /\\evil.example           /
    https://evil.example/     /

A Login Ends Once And Only In Its Browser
    [Tags]    id:SE-57    proto:5.05    proto:5.31    sec:O04
    Create Provider Person
    Open Fresh Browser    other
    ${one} =    Follow Login To Frontend
    ${two} =    Follow Login To Frontend
    Frontend Callback Should Be Refused    ${one}    other
    Login Should End Well    ${two}    the later of two logins was refused
    Login Should End Well    ${one}    the login that another tab overtook was refused
    Frontend Callback Should Be Refused    ${one}

A Page Acts For No Other User Of Its Browser
    [Tags]    id:SE-99    req:B03    proto:5.61    proto:5.62
    Sign In Person In Browser
    Page Of Other User Should Be Refused    POST    /api/conversations    /users/me/deactivate    /session/refresh    /logout
    ...    /logout/provider
    Page Of Other User Should Be Refused    GET    /api/me    /api/conversations    /api/preferences    /users/me    /auth/sessions
    Nothing Should Have Been Done For User
    Page Of User Should Act    ${USER_ID}

No Log Holds What A Login Hands Over
    [Tags]    id:SE-58    req:X04    proto:5.54    sec:W02    needs:control.logs
    Create Provider Person
    ${callback} =    Follow Login To Frontend
    ${secrets} =    Get Callback Parameters    ${callback}
    Browse    browser    ${callback}    status=303
    Browser Should Be Signed In
    Token In Query Should Be Refused
    Post In Browser    /session/refresh    status=200
    No Service Log Should Contain Any Of    @{secrets}    ${ACCESS_TOKEN}    ${REFRESH_TOKEN}    ${SERVICE_TOKEN}


*** Keywords ***
Spent Refresh Cookie Should End Session
    [Documentation]    A refresh cookie that was spent comes again, with this access cookie or without one, and ends the session.
    [Arguments]    ${access}
    Sign In Person In Browser
    ${thief} =    Open Twin Browser    ${BROWSER}
    Put Access Cookie    ${thief}    ${access}
    Post In Browser    /session/refresh    status=200
    ${response} =    Post In Browser    /session/refresh    status=401    browser=twin
    Answer Should Be Problem    ${response}    session_expired
    Session Should Be    revoked, refreshed 1

Put Access Cookie
    [Documentation]    The browser has this access cookie, or, where it is empty, none.
    [Arguments]    ${browser}    ${value}
    ${cookie} =    Evaluate    next(cookie for cookie in $browser.cookies if cookie.name == '__Host-access')
    IF    $value
        Evaluate    setattr($cookie, 'value', $value)
    ELSE
        Evaluate    $browser.cookies.clear($cookie.domain, $cookie.path, $cookie.name)
    END

Refresh Should Find No Cookie
    [Documentation]    The browser has forgotten its tokens: it is asked for one.
    ${response} =    Post In Browser    /session/refresh    status=401
    Answer Should Be Problem    ${response}    token_missing

Foreign Pages Should Not Act
    [Documentation]    No page of one of these origins makes the browser write, refresh, log out or open a socket.
    [Arguments]    @{origins}
    FOR    ${origin}    IN    @{origins}
        FOR    ${path}    IN    /api/conversations    /session/refresh    /users/me/deactivate    /auth/logout    /logout
            ${response} =    Post In Browser    ${path}    ${origin}    body=${{ {'title': 'Not mine'} }}
            Should Be Equal As Integers    ${response.status_code}    403
            ...    a page of origin ${origin} acts with the browser's cookies at ${path}
            Answer Should Be Problem    ${response}    origin_not_allowed
        END
        IF    $origin is not None    Foreign Page Should Open No Socket    ${origin}
    END

Foreign Page Should Open No Socket
    [Documentation]    A page of this origin is refused a socket that the browser's cookies would open.
    [Arguments]    ${origin}
    ${cookie} =    Get Cookie Header    ${BROWSER}
    Socket Handshake Should Be Refused With    403    token=${None}    code=origin_not_allowed    origin=${origin}
    ...    headers=${{ {'Cookie': $cookie} }}

Own Page Should Act
    [Documentation]    From the own origin the same cookies write and refresh; a token of one's own needs no origin.
    Post In Browser    /api/conversations    status=201    body=${{ {'title': 'By cookie'} }}
    Post To    frontend    /api/conversations    ${{ {'title': 'By token'} }}    ${ACCESS_TOKEN}    status=201
    Post In Browser    /session/refresh    status=200
    Session Should Be    active, refreshed 1

Page Of Other User Should Be Refused
    [Documentation]    A page that shows another user than the one who has signed in since is refused at each of these paths.
    [Arguments]    ${method}    @{paths}
    ${headers} =    Make Headers Of Page    ${PUBLIC_URL}
    VAR    &{headers}    &{headers}    X-Session-User=${{ str(uuid.uuid4()) }}
    VAR    ${body}    ${{ {'title': 'Not theirs'} if $method == 'POST' else None }}
    FOR    ${path}    IN    @{paths}
        ${response} =    Run Keyword    ${method} On Session    browser    ${path}    json=${body}
        ...    headers=${headers}    expected_status=anything    verify=${VERIFY_TLS_BY}
        Should Be Equal As Integers    ${response.status_code}    409    ${method} ${path} for a page of another user
        Answer Should Be Problem    ${response}    other_user
    END

Page Of User Should Act
    [Documentation]    A page that shows the user of the cookies is served.
    [Arguments]    ${user_id}
    ${headers} =    Make Headers Of Page    ${PUBLIC_URL}
    VAR    &{headers}    &{headers}    X-Session-User=${user_id}
    ${response} =    GET On Session    browser    /api/me    headers=${headers}    expected_status=200    verify=${VERIFY_TLS_BY}
    Should Be Equal    ${response.json()}[id]    ${user_id}    the page of a user is answered with another one

Token Should Go Before Cookie
    [Documentation]    A bearer token goes before the cookies: the answer is about its user.
    [Arguments]    ${user}
    ${headers} =    Make Request Headers    token=${user.access_token}
    ${response} =    GET On Session    browser    /api/me    headers=${headers}    expected_status=200    verify=${VERIFY_TLS_BY}
    Should Be Equal    ${response.json()}[id]    ${user.id}    the cookie went before the client's own token

Refresh Tabs At One Instant
    [Documentation]    So many tabs of the browser ask for new tokens at once, while auth takes its time; all get them.
    [Arguments]    ${count: int}
    Add Toxic    frontend->auth    latency    latency=1s    name=slow
    ${cookie} =    Get Cookie Header    ${BROWSER}
    VAR    &{page}    Cookie=${cookie}    Origin=${PUBLIC_URL}
    VAR    &{request}    method=POST    url=${PUBLIC_URL}/session/refresh    headers=${page}
    ${replies} =    Send At Once    ${{ [$request] * $count }}    ca_file=${CA_FILE}
    Heal Connection    frontend->auth
    VAR    ${refused}    ${{ [(reply.status, reply.code or reply.error) for reply in $replies if reply.status != 200] }}
    Should Be Empty    ${refused}    of ${count} tabs that refreshed at one instant ${{ len($refused) }} were refused: ${refused}

Refresh Without Cookie Should Be Refused
    [Documentation]    A browser that is signed in nowhere is asked for a token.
    Open Fresh Browser    other
    ${response} =    Post In Browser    /session/refresh    status=401    browser=other
    Answer Should Be Problem    ${response}    token_missing

Cookies Should Stay While Auth Is Away
    [Documentation]    Neither refresh nor logout works without auth; both say so and leave the browser as it is.
    Cut Connection    frontend->auth
    FOR    ${path}    IN    /session/refresh    /logout
        ${response} =    Post In Browser    ${path}
        Cookies Should Be Left Alone    ${response}
        Should Be Equal As Integers    ${response.status_code}    503    ${path} without auth
        Answer Should Be Problem    ${response}    auth_unavailable
    END
    Heal Connection    frontend->auth

Sign Out Browser
    [Documentation]    ``/logout`` by the cookies: the session ends at auth, both cookies go; a second time there is nothing to end.
    ${response} =    Post In Browser    /logout    status=204
    Session Should Be    revoked, refreshed 0
    Cookies Should Be Removed    ${response}    __Host-access    __Host-refresh
    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
    Post In Browser    /logout    status=204

Get Callback Parameters
    [Documentation]    What the provider's way back and auth's carried, which is worth a login to anyone who reads it in time.
    [Arguments]    ${callback}
    ${to_frontend} =    Evaluate    OAuthLibrary.read_redirect($callback)    modules=OAuthLibrary
    VAR    @{secrets}    ${PROVIDER_CALLBACK.parameters}[code]    ${PROVIDER_CALLBACK.parameters}[state]
    ...    ${to_frontend.parameters}[code]    ${to_frontend.parameters}[state]
    RETURN    ${secrets}

Token In Query Should Be Refused
    [Documentation]    At each of frontend's ways to a service a token in the query string is a 400.
    FOR    ${path}    IN    /api/me    /users/me    /auth/sessions
        ${response} =    Browse    browser    ${path}    status=anything    params=${{ {'access_token': $ACCESS_TOKEN} }}
        Should Be Equal As Integers    ${response.status_code}    400    ${path} with a token in its query
        Answer Should Be Problem    ${response}    invalid_request
    END

No Service Log Should Contain Any Of
    [Documentation]    None of these texts stands in a log of any service.
    [Arguments]    @{texts}
    FOR    ${number}    ${text}    IN ENUMERATE    @{texts}
        Run Case    secret number ${number} of a login    No Service Log Should Contain    ${text}
    END
