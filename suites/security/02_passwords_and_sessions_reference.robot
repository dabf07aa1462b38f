*** Settings ***
Documentation       Tokens are revoked whatever they are, are good for no other client, and a password is no grant.
...                 Sources: docs/protocol.md §2.4, RFC 7009 (revocation), RFC 9700 §4.14 (refresh tokens of another client).
Resource            security.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Tags           security    p0    req:X03    needs:db.auth


*** Test Cases ***
A New Password Can Keep Other Sessions
    [Tags]    id:SE-09    sec:S05
    ${phone} =    Log In Again    ${USER}    device=phone
    ${new} =    Get Random Password
    Change Own Password    ${USER.password}    ${new}    logout_others=${False}
    Session Should Still Live    ${phone}
    Session Should Still Live    ${USER}

Any Revoked Token Ends Its Session
    [Tags]    id:SE-11    proto:2.4.22    sec:O08
    ${by_refresh} =    Log In Again    ${USER}
    ${by_access} =    Log In Again    ${USER}
    Revoke Garbage And Forged Token
    Revoke Token    ${by_refresh.refresh_token}
    Session Should Have Ended For    ${by_refresh}    revoked
    Revoke Token    ${by_access.access_token}
    Session Should Have Ended For    ${by_access}    revoked
    Revoke Token    ${by_access.access_token}
    Session Should Still Live    ${USER}

A Spent Refresh Token Can Still End Its Session
    [Tags]    id:SE-13    sec:O08
    VAR    ${spent}    ${REFRESH_TOKEN}
    Refresh Tokens
    Revoke Token    ${spent}
    Refresh Should Be Refused With    ${REFRESH_TOKEN}    invalid_grant
    Session Should Have Ended For    ${USER}    revoked

A Refresh Token Is Good For No Other Client
    [Tags]    id:SE-14    proto:2.2.30    proto:2.3.24    sec:O06
    VAR    &{refresh}    grant_type=refresh_token    client_id=mobile
    ${form} =    Make Request Body    &{refresh}    refresh_token=${REFRESH_TOKEN}
    ${response} =    Post Form To    auth    /auth/token    ${form}    status=anything
    Should Be Equal As Integers    ${response.status_code}    400    another client has used the refresh token of web
    Should Be Equal    ${response.json()}[error]    invalid_grant

A Password Is No Grant At The Token Endpoint
    [Tags]    id:SE-15    sec:O07
    VAR    &{grant}    grant_type=password    client_id=web    username=${USER.email}
    ${form} =    Make Request Body    &{grant}    password=${USER.password}
    ${response} =    Post Form To    auth    /auth/token    ${form}    status=400
    Should Be Equal    ${response.json()}[error]    unsupported_grant_type    the grant is refused in other words
    Auth Should Hold Session Count    ${USER.id}    1


*** Keywords ***
Revoke Garbage And Forged Token
    [Documentation]    Both are answered as any other, and end nothing.
    Revoke Token    garbage-that-is-no-token
    ${forged} =    Forge From My Token    unknown kid
    Revoke Token    ${forged}

Change Own Password
    [Documentation]    The current user changes their password from this to that.
    [Arguments]    ${old}    ${new}    ${status}=204    &{wishes}
    ${body} =    Make Request Body    old=${old}    new=${new}    &{wishes}
    ${response} =    Post To    auth    /users/me/password    ${body}    ${ACCESS_TOKEN}    status=${status}
    RETURN    ${response}
