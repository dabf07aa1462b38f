*** Settings ***
Documentation       One access token is good on every service, for as long as it lives and no longer; a refresh token is good once.
...                 Sources: RFC 9068 (JWT access tokens), RFC 8725, RFC 6750 (challenge), RFC 9700 §4.14 (refresh token rotation).
Resource            platform.resource
Resource            auth.resource
Resource            databases.resource
Resource            socket.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User
Test Teardown       Close All Connections
Test Tags           critical    p0


*** Test Cases ***
One Token Names The Same User Everywhere
    [Tags]    id:C04-01    req:C04.1    needs:ws    needs:replicas.2
    Auth Sees User Id    ${USER.id}
    Backend Sees User Id    ${USER.id}
    Frontend Sees User Id    ${USER.id}
    Socket Sees User Id    ${USER.id}

Services Agree On The Claims Of The Token
    [Tags]    id:C04-02    req:C04.1    needs:ws
    ${rest} =    Get From    backend    /api/me    ${ACCESS_TOKEN}
    Open A Socket
    ${socket} =    Who The Socket Says I Am
    ${claims} =    Read Token Claims    ${ACCESS_TOKEN}
    Should Be Equal    ${rest.json()}[session][id]    ${claims}[sid]    REST and token differ in the session
    Should Be Equal    ${socket}[session_id]    ${claims}[sid]    socket and token differ in the session
    Should Be Equal    ${rest.json()}[email]    ${claims}[email]    REST and token differ in the e-mail
    Should Be Equal    ${socket}[email]    ${claims}[email]    socket and token differ in the e-mail

Introspection Tells What The Token Says
    [Documentation]    RFC 7662, section 2.2: each member means what the claim of its name does.
    [Tags]    id:C04-03    req:C04.1
    ${form} =    Request Body    token=${ACCESS_TOKEN}
    ${told} =    Post Form To    auth    /auth/introspect    ${form}    ${SERVICE_TOKEN}
    ${claims} =    Read Token Claims    ${ACCESS_TOKEN}
    Should Be True    ${told.json()}[active]    introspection says that a good token is not active
    Should Not Be Empty    ${claims}[roles]    nothing is proved by a user without roles
    All Of These Are Told    ${told.json()}    ${claims}    sub    sid    iat    exp    aud    client_id    email    roles    plan

A Token That Was Tampered With Is Refused Everywhere
    [Tags]    id:C04-04    req:C04.2    sec:J01    needs:ws    needs:replicas.2
    ${token} =    Forge From My Token    flipped signature bit
    Every Service Refuses The Token    ${token}    token_invalid
    Every Service Accepts The Token

A Refresh Yields A New Pair For The Same User And Session
    [Tags]    id:C04-05    req:C04.3
    VAR    ${old}    ${ACCESS_TOKEN}
    ${answer} =    Refresh The Tokens
    ${before} =    Read Token Claims    ${old}
    ${after} =    Read Token Claims    ${ACCESS_TOKEN}
    Should Be Equal    ${after}[sub]    ${before}[sub]    the refresh changed the user
    Should Be Equal    ${after}[sid]    ${before}[sid]    the refresh changed the session
    Should Not Be Equal    ${after}[jti]    ${before}[jti]    both tokens have one id
    Should Be Equal    ${answer}[user][id]    ${USER.id}    the refresh answers another user
    Every Service Accepts The Token

A Spent Refresh Token Is Refused And Ends The Whole Family
    [Tags]    id:C04-06    req:C04.3    sec:O06    needs:db.auth
    VAR    ${spent}    ${REFRESH_TOKEN}
    ${answer} =    Refresh The Tokens
    Refresh Is Refused With    ${spent}    invalid_grant
    Refresh Is Refused With    ${REFRESH_TOKEN}    invalid_grant
    Session Row Should Be    ${answer}[session_id]    revoked
    Every Service Refuses The Token    ${ACCESS_TOKEN}    session_revoked

A Logout Ends The Tokens And The Sockets Of Its Session
    [Tags]    id:C04-07    req:C04.3    sec:S03    needs:ws    needs:replicas.2
    Open A Socket
    Log Out
    Open Socket Was Closed With    4003
    Every Service Refuses The Token    ${ACCESS_TOKEN}    session_revoked
    Refresh Is Refused With    ${REFRESH_TOKEN}    invalid_grant

A Forged Token Logs Nobody Out
    [Tags]    id:C04-08    req:C04.3    sec:J01    needs:ws    needs:replicas.2
    ${token} =    Forge From My Token    flipped signature bit
    Post To    auth    /auth/logout    ${{ {} }}    ${token}    status=anything
    Every Service Accepts The Token
    Service Refuses The Token    auth    /users/me    ${token}    token_invalid


*** Keywords ***
All Of These Are Told
    [Documentation]    The answer has each of these claims as the token has it.
    [Arguments]    ${told}    ${claims}    @{names}
    FOR    ${name}    IN    @{names}
        Should Be Equal    ${told}[${name}]    ${claims}[${name}]    introspection and token differ in ${name}
    END
