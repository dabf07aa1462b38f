*** Settings ***
Documentation       Who knows the password is let in, and nobody else; a user rules over his own sessions and over nobody else's.
...                 Sources: docs/protocol.md §2.4, RFC 7009 (revocation), RFC 9700 §4.14 (refresh tokens of another client),
...                 OWASP ASVS 5.0 6.2.3 (the old password is asked for), 6.3.8 (no telling which users exist), 7.4.3, 7.5.2 (sessions),
...                 8.2.3 (fields that a user may not change).
Resource            security.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User
Test Tags           security    p0    req:X03    needs:db.auth


*** Test Cases ***
A Wrong Password And An Unknown E-mail Are Refused In The Same Words
    [Tags]    id:SE-06    sec:R05
    ${wrong} =    A Wrong Login Is Refused    ${USER.email}    a-wrong-password
    ${cut} =    A Wrong Login Is Refused    ${USER.email}    ${{ robot.api.types.Secret($USER.password.value[:-1]) }}
    ${unknown} =    A Wrong Login Is Refused    nobody-${USER.id}@example.test    ${USER.password}
    Should Be Equal    ${unknown}    ${wrong}    the answer tells whether the e-mail is known
    Should Be Equal    ${cut}    ${wrong}    the answer tells how wrong the password is
    Auth Holds Sessions    ${USER.id}    1
    Login With    ${USER.email}    ${USER.password}

Nobody Changes The Password Who Does Not Know The Old One
    [Tags]    id:SE-07    sec:S05
    ${phone} =    Log In Again    ${USER}    device=phone
    ${new} =    Random Password
    ${response} =    Change The Password    a-wrong-password    ${new}    status=anything
    Should Be Equal As Integers    ${response.status_code}    403    a wrong old password was taken
    Answer Should Be A Problem    ${response}    invalid_credentials
    A Wrong Login Is Refused    ${USER.email}    ${new}
    Login With    ${USER.email}    ${USER.password}
    Session Lives    ${phone}

A New Password Takes The Place Of The Old One And Ends All Other Sessions
    [Tags]    id:SE-08    sec:S05
    ${phone} =    Log In Again    ${USER}    device=phone
    ${new} =    Random Password
    Change The Password    ${USER.password}    ${new}
    Session Lives    ${USER}
    Session Has Ended For    ${phone}    password_changed
    A Wrong Login Is Refused    ${USER.email}    ${USER.password}
    Login With    ${USER.email}    ${new}

A New Password Leaves The Other Sessions Alone Where That Is Wanted
    [Tags]    id:SE-09    sec:S05
    ${phone} =    Log In Again    ${USER}    device=phone
    ${new} =    Random Password
    Change The Password    ${USER.password}    ${new}    logout_others=${False}
    Session Lives    ${phone}
    Session Lives    ${USER}

A User Ends His Own Sessions And Nobody Else's
    [Tags]    id:SE-10    sec:S08
    ${phone} =    Log In Again    ${USER}    device=phone
    ${stranger} =    Create User
    Ending The Session Finds None    ${phone.session_id}    ${stranger.access_token}
    Session Lives    ${phone}
    Delete At    auth    /auth/sessions/${phone.session_id}    ${ACCESS_TOKEN}
    Session Has Ended For    ${phone}    revoked
    Session Lives    ${USER}
    Ending The Session Finds None    ${stranger.session_id}    ${ACCESS_TOKEN}
    ${unknown} =    Random UUID
    Ending The Session Finds None    ${unknown}    ${ACCESS_TOKEN}

A Revoked Token Ends Its Session Whichever Of Its Tokens It Is And Garbage Ends Nothing
    [Tags]    id:SE-11    sec:O08
    ${by_refresh} =    Log In Again    ${USER}
    ${by_access} =    Log In Again    ${USER}
    Revoke Token    garbage-that-is-no-token
    Revoke Token    ${by_refresh.refresh_token}
    Session Has Ended For    ${by_refresh}    revoked
    Revoke Token    ${by_access.access_token}
    Session Has Ended For    ${by_access}    revoked
    Revoke Token    ${by_access.access_token}
    Session Lives    ${USER}

A Forged Token Ends No Session
    [Tags]    id:SE-12    sec:O08    sec:J01
    ${forged} =    Forge From My Token    unknown kid
    Revoke Token    ${forged}
    Session Lives    ${USER}

A Refresh Token That Was Spent Still Ends Its Session When It Is Revoked
    [Tags]    id:SE-13    sec:O08
    VAR    ${spent}    ${REFRESH_TOKEN}
    Refresh The Tokens
    Revoke Token    ${spent}
    Refresh Is Refused With    ${REFRESH_TOKEN}    invalid_grant
    Session Has Ended For    ${USER}    revoked

A Refresh Token Is Good For No Other Client
    [Tags]    id:SE-14    sec:O06
    VAR    &{refresh}    grant_type=refresh_token    client_id=mobile
    ${form} =    Request Body    &{refresh}    refresh_token=${REFRESH_TOKEN}
    ${response} =    Post Form To    auth    /auth/token    ${form}    status=anything
    Should Be Equal As Integers    ${response.status_code}    400    another client has used the refresh token of web
    Should Be Equal    ${response.json()}[error]    invalid_grant

A Password Is No Grant At The Token Endpoint
    [Tags]    id:SE-15    sec:O07
    VAR    &{grant}    grant_type=password    client_id=web    username=${USER.email}
    ${form} =    Request Body    &{grant}    password=${USER.password}
    ${response} =    Post Form To    auth    /auth/token    ${form}    status=400
    Should Be Equal    ${response.json()}[error]    unsupported_grant_type    the grant is refused in other words
    Auth Holds Sessions    ${USER.id}    1

Nobody Gives Himself Roles A Plan Or Another's E-mail
    [Tags]    id:SE-16
    ${other} =    Create User
    ${before} =    What The User May
    VAR    &{wish}    name=Still Me    roles=${{ ['user', 'admin'] }}    plan=bulk    status=deactivated
    Patch At    auth    /users/me    ${wish}    ${ACCESS_TOKEN}    status=anything
    ${after} =    What The User May
    Should Be Equal    ${after}    ${before}    a user has given himself roles, a plan or a status
    E-mail Is Taken    ${other.email.upper()}


*** Keywords ***
Ending The Session Finds None
    [Documentation]    The holder of this token has no such session: 404, and nothing else.
    [Arguments]    ${session_id}    ${token}
    ${response} =    Delete At    auth    /auth/sessions/${session_id}    ${token}    status=anything
    Should Be Equal As Integers    ${response.status_code}    404    a user could end a session that is not his
    Answer Should Be A Problem    ${response}    not_found

What The User May
    [Documentation]    Roles, plan and status of the current user in ``auth_users``.
    ${row} =    Auth User Row    ${USER.id}
    VAR    @{rights}    ${row}[roles]    ${row}[plan]    ${row}[status]
    RETURN    ${rights}

E-mail Is Taken
    [Documentation]    Neither the current user nor anybody new can have this e-mail: 409.
    [Arguments]    ${email}
    ${changed} =    Patch At    auth    /users/me    ${{ {'email': $email} }}    ${ACCESS_TOKEN}    status=409
    Answer Should Be A Problem    ${changed}    email_taken
    ${password} =    Random Password
    ${body} =    Request Body    email=${email}    password=${password}    name=Somebody Else
    ${signed_up} =    Post To    auth    /auth/signup    ${body}    status=409
    Answer Should Be A Problem    ${signed_up}    email_taken
