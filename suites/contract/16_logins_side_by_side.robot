*** Settings ***
Documentation       Two logins that one browser has begun, as in two tabs, end well in whatever order they are approved.
...                 Source: docs/protocol.md §2.2 and §5 (a cookie for each login).
Resource            browser.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Create Provider Person
Test Tags           contract    p1    req:C01.3    needs:oauth.provider


*** Test Cases ***
Logins Of One Browser End In Their Order
    [Tags]    id:CT-80    proto:2.2.07    sec:O04
    ${first} =    Start Login In Tab    /?tab=first
    ${second} =    Start Login In Tab    /?tab=second
    Approve Login    ${first}    /?tab=first
    Approve Login    ${second}    /?tab=second

Logins Of One Browser End In The Other Order
    [Tags]    id:CT-83    sec:O04
    ${first} =    Start Login In Tab    /?tab=first
    ${second} =    Start Login In Tab    /?tab=second
    Approve Login    ${second}    /?tab=second
    Approve Login    ${first}    /?tab=first

A Browser Keeps A Handful Of Unfinished Logins
    [Tags]    id:CT-84    proto:2.2.08
    FOR    ${number}    IN RANGE    12
        Start Login In Tab    /?tab=${number}
    END
    ${last} =    Start Login In Tab    /?tab=last
    VAR    ${kept}    ${{ [name for name in $BROWSER.cookies.keys() if name.startswith('__Host-login')] }}
    Should Be True    len($kept) <= 5    the browser keeps ${{ len($kept) }} cookies of logins at auth
    Approve Login    ${last}    /?tab=last


*** Keywords ***
Start Login In Tab
    [Documentation]    The browser goes from ``/login`` to the provider's page, where it is returned as a form that nobody has answered yet.
    [Arguments]    ${next}
    ${begun} =    Browse    browser    /login    status=303    params=${{ {'next': $next} }}
    ${to_auth} =    Read Redirect    ${begun}
    ${answer} =    Browse    browser    ${to_auth.url}    status=302
    ${to_provider} =    Read Redirect    ${answer}
    ${page} =    Browse    browser    ${to_provider.url}
    ${form} =    Read Form    ${page}
    RETURN    ${form}

Approve Login
    [Documentation]    The person approves on this page; the browser is signed in, and ends at the path that this login was begun for.
    [Arguments]    ${form}    ${path}
    ${to_callback} =    Answer Provider Page    ${form}
    ${answer} =    Browse    browser    ${to_callback.url}    status=anything
    Should Be Equal As Integers    ${answer.status_code}    302    a login that another one was begun beside is refused at auth
    ${to_frontend} =    Read Redirect    ${answer}
    ${landed} =    Browse    browser    ${to_frontend.url}    status=anything
    Should Be Equal As Integers    ${landed.status_code}    303    a login that another one was begun beside is refused at frontend
    Should Be Equal    ${landed.headers}[Location]    ${PUBLIC_URL}${path}    the login ends elsewhere
    Browser Should Be Signed In
    Session Should Be    active, refreshed 0
