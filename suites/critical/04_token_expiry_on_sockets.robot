*** Settings ***
Documentation       A socket ends with the short-lived access token that opened it, with the close code that says so; a refreshed
...                 token carries it on.
...                 Sources: RFC 7519 §4.1.4 (exp), RFC 6455 §7.4 (close codes).
Resource            platform.resource
Resource            auth.resource
Resource            socket.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User For A Few Seconds
Test Teardown       Close All Connections
Test Tags           critical    p0    req:C04.2    needs:jwt.short_lived    needs:ws


*** Test Cases ***
An Open Socket Is Closed With 4001 At Its Token's Expiry And Not Before
    [Tags]    id:C04-11    sec:W04
    Run While Token Lives    Open A Socket    alias=direct    url=${BACKEND_SOCKET_URL}
    Run While Token Lives    Open A Socket    alias=through frontend
    Let The Access Token Expire
    Open Socket Was Closed With    4001    direct
    Open Socket Was Closed With    4001    through frontend
    Socket Was Closed At The Expiry    direct
    Socket Was Closed At The Expiry    through frontend

A Socket Lives On With A Refreshed Token
    [Tags]    id:C04-12    req:C04.3
    Run While Token Lives    Open A Socket
    VAR    ${old}    ${ACCESS_TOKEN}
    Wait Until Token Has Left    ${old}    1s
    Refresh The Tokens
    Reauthenticate Socket    socket    ${old}
    Wait Until Token Has Expired    ${old}
    Run While Token Lives    Who The Socket Says I Am
    Let The Access Token Expire
    Open Socket Was Closed With    4001
    Socket Was Closed At The Expiry    socket


*** Keywords ***
Socket Was Closed At The Expiry
    [Documentation]    The close frame came after the token's ``exp`` and at most one second later.
    [Arguments]    ${alias}
    ${closed_at} =    Get Close Time    ${alias}
    ${claims} =    Read Token Claims    ${ACCESS_TOKEN}
    Should Be True    ${claims}[exp] <= ${closed_at}
    ...    not within 1 s after the expiry: exp is ${claims}[exp], the socket was closed at ${closed_at}
    Value Should Be Within Budget    close of socket after expiry    ${{ $closed_at - $claims['exp'] }}    1s
