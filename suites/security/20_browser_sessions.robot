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
    [Documentation]    Whoever has stolen the refresh cookie alone, or shows another access cookie with it, is a thief: the session ends.
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
    Open Fresh Browser    stranger
    ${one} =    Follow Login To Frontend
    ${two} =    Follow Login To Frontend
    Frontend Callback Should Be Refused    ${one}    stranger
    Login Should End Well    ${two}    the later of two logins was refused
    Login Should End Well    ${one}    the login that another tab overtook was refused
    Frontend Callback Should Be Refused    ${one}

A Page Acts For No Other User Of Its Browser
    [Tags]    id:SE-99    req:B03    proto:5.61    proto:5.62
    Sign In Person In Browser
    Page Of Other User Should Not Act    /api/conversations    /users/me/deactivate    /session/refresh    /logout
    ...    /logout/provider
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
