*** Settings ***
Documentation       What auth does at the edges of what it declares: at a bound, with a member left out or empty, for each client, the
...                 second time. Sources: RFC 6749 §5 and §6, RFC 6750 §3, RFC 7009 §2.1, RFC 7662 §2.2; docs/protocol.md §2.3 to §2.5.
Resource            branches.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Close All Connections
Test Tags           contract    p1


*** Test Cases ***
A Password Has One Length Wherever It Is Set
    [Tags]    id:CT-260    req:X03    proto:2.4.01    proto:2.4.30
    Sign Up At Auth    201    longest-${USER.email}    ${{ 'x' * 200 }}
    Sign Up At Auth    201    wide-${USER.email}    ${{ 'é' * 200 }}
    Password Should Be Changed    400    seven77
    Password Should Be Changed    400    ${{ 'x' * 201 }}
    Password Should Be Changed    204    ${{ 'y' * 200 }}

An E-mail Belongs To One User In Any Letters
    [Tags]    id:CT-261    req:X03    proto:2.4.02    proto:2.4.03    proto:2.4.29
    VAR    ${first}    ${USER}
    ${login} =    Log In With    ${first.email.upper()}    ${first.password}
    Should Be Equal As Integers    ${login.status_code}    200    a login whose e-mail is in capitals
    Sign Up At Auth    409    ${first.email.upper()}    another password    email_taken
    Sign In New User
    Request Should Be Answered    409    PATCH    ${AUTH_URL}/users/me    ${{ {'email': $first.email.upper()} }}    code=email_taken

A Wrong Password Is Refused Alike For Every Account
    [Documentation]    A deactivated account shows that it is one to its user alone; who has no password gets in with none.
    [Tags]    id:CT-262    req:X03    proto:2.4.03    proto:2.4.04    proto:2.4.32    needs:session.admin
    Request Should Be Answered    204    POST    ${AUTH_URL}/users/me/deactivate
    Login Should Be Refused As Wrong    ${USER.email}
    ${made} =    Make Batch    200    count=${1}    prefix=bare
    Login Should Be Refused As Wrong    ${made}[users][0][email]
    VAR    &{change}    old=any password at all    new=another good password
    Request Should Be Answered    403    POST    ${AUTH_URL}/users/me/password    ${change}    ${made}[users][0][access_token]
    ...    code=invalid_credentials
    VAR    &{body}    email=${USER.email}    password=${USER.password.value}    client_id=nobody
    Request Should Be Answered    400    POST    ${AUTH_URL}/auth/login    ${body}    token=${None}    code=invalid_request

Refreshed Tokens Are Those Of Their Client
    [Tags]    id:CT-263    req:C04.3    proto:2.2.29    proto:2.2.30    proto:2.3.18    proto:2.4.11
    [Template]    Refreshes Should Keep Client
    web        mobile
    mobile     web
    api        web
    kiosk      web
    partner    api

A Refresh As A Grant Is Repeated Under Its Key
    [Documentation]    One key counts at both endpoints.
    [Tags]    id:CT-264    req:C04.3    proto:2.3.29    proto:2.3.34    sec:O06
    ${next} =    Grant Should Give    ${REFRESH_TOKEN}    ${KEY}
    Grant Should Give    ${REFRESH_TOKEN}    ${KEY}    successor=${next}
    Refresh Should Give    ${REFRESH_TOKEN}    ${KEY}    successor=${next}

A Key Revives No Session
    [Tags]    id:CT-265    req:C04.3    proto:2.4.15    proto:2.4.17    sec:O06
    Refresh Should Give    ${REFRESH_TOKEN}    ${KEY}
    Request Should Be Answered    204    POST    ${AUTH_URL}/auth/logout
    ${response} =    Refresh With    ${REFRESH_TOKEN}    ${KEY}
    Should Be Equal As Integers    ${response.status_code}    400    the repeated refresh of a session that has ended

A Token Is Revoked Whatever The Hint
    [Tags]    id:CT-266    req:C04.3    proto:2.4.22    sec:O08    needs:db.auth
    [Template]    Revocation With Hint Should End Session
    refresh_token    access_token
    refresh_token    refresh_token
    refresh_token    anything_else
    access_token     refresh_token

Introspection Names The E-mail As It Is Now
    [Tags]    id:CT-267    req:C04.1    proto:2.4.36    sec:J07
    VAR    ${renamed}    renamed-${USER.email}
    Request Should Be Answered    200    PATCH    ${AUTH_URL}/users/me    ${{ {'email': $renamed} }}
    ${form} =    Make Request Body    token=${ACCESS_TOKEN}
    ${answer} =    Post Form To    auth    /auth/introspect    ${form}    ${SERVICE_TOKEN}
    Should Be Equal    ${answer.json()}[email]    ${renamed}    the e-mail that introspection names

A Refused Introspection Asks For The Credential
    [Tags]    id:CT-268    req:X03    proto:1.03    proto:1.04    proto:1.20    proto:1.21    sec:O09
    ${form} =    Make Request Body    token=${ACCESS_TOKEN}
    ${missing} =    Post Form To    auth    /auth/introspect    ${form}    status=401
    Answer Should Challenge For Token    ${missing}
    ${bad} =    Post Form To    auth    /auth/introspect    ${form}    ${ACCESS_TOKEN}    status=401
    Should Contain    ${bad.headers}[WWW-Authenticate]    error\="invalid_token"    the challenge of a refused introspection
    FOR    ${response}    IN    ${missing}    ${bad}
        Should Be Equal    ${response.headers}[Cache-Control]    no-store    who may keep a refused introspection
    END

A Managed Session May Be Of Any Client
    [Tags]    id:CT-269    req:M02.1    proto:2.5.03    needs:session.admin
    VAR    &{wish}    user_id=${USER.id.upper()}    type=SSO    client_id=partner
    ${made} =    Request Should Be Answered    201    POST    ${AUTH_URL}/admin/sessions    ${wish}    ${SERVICE_TOKEN}
    VAR    ${reported}    ${{ list(map($made.json()['session'].get, ['type', 'client_id', 'user_id', 'metadata', 'device'])) }}
    Should Be Equal    ${reported}    ${{ ['SSO', 'partner', $USER.id, {}, None] }}    type, client, user, metadata and device of a session
    ${claims} =    Read Token Claims    ${made.json()}[access_token]
    Should Be Equal    ${claims}[aud]    partner-api    the audience of a managed session's token
    VAR    &{wish}    user_id=${USER.id}    type=WEB    client_id=nobody
    Request Should Be Answered    400    POST    ${AUTH_URL}/admin/sessions    ${wish}    ${SERVICE_TOKEN}    code=invalid_request

A Migration Adds What It Is Given
    [Tags]    id:CT-270    req:M11.1    proto:2.5.10    proto:2.5.11    needs:session.admin
    [Template]    Migrated Metadata Should Be
    ${{ {} }}                                            ${{ {'theme': 'dark'} }}
    ${{ {'type': 'SSO', 'metadata': None} }}             ${{ {'theme': 'dark'} }}
    ${{ {'type': 'SSO', 'metadata': {}} }}               ${{ {'theme': 'dark'} }}
    ${{ {'type': 'SSO', 'metadata': {'theme': None}} }}  ${{ {'theme': None} }}

A Revocation Needs No Reason
    [Tags]    id:CT-271    req:M06.1    proto:2.5.10    proto:2.5.14    needs:session.admin
    VAR    ${session}    ${AUTH_URL}/admin/sessions/${USER.session_id}
    ${revoked} =    Request Should Be Answered    200    POST    ${session}/revoke    token=${SERVICE_TOKEN}
    Should Be Equal    ${revoked.json()}[status]    revoked    a session that was revoked for no reason given
    Should Be True    $revoked.json()['revoke_reason']    a revoked session has no reason
    Create Managed Session    ${USER.id}
    VAR    ${all}    ${AUTH_URL}/admin/users/${USER.id}/sessions/revoke
    ${counted} =    Request Should Be Answered    200    POST    ${all}    ${{ {'except_session_id': None} }}    ${SERVICE_TOKEN}
    Should Be Equal    ${counted.json()}    ${{ {'revoked': 1} }}    how many sessions were revoked
    ${counted} =    Request Should Be Answered    200    POST    ${all}    ${{ {} }}    ${SERVICE_TOKEN}
    Should Be Equal    ${counted.json()}    ${{ {'revoked': 0} }}    how many sessions were revoked the second time

A Batch Keeps To What Is Declared
    [Tags]    id:CT-272    req:C05.1    proto:2.5.21    needs:session.admin
    Make Batch    400    count=${0}    prefix=none
    Make Batch    400    count=${1001}    prefix=many
    ${made} =    Make Batch    200    count=${1}    prefix=plain    login=${False}
    Members Should Be    a user of a batch without sessions    ${made}[users][0]    id    email    name
    Batch Of One Should Be    bulk web
    Batch Of One Should Be    standard mobile    plan=standard    client_id=mobile

A User's Last Role May Be Taken Away
    [Documentation]    An empty list is a value; what is absent or the same changes nothing.
    [Tags]    id:CT-273    req:C07.1    proto:2.5.23    proto:2.4.28    needs:session.admin
    ${taken} =    Change User    roles=${{ [] }}
    Should Be Equal    ${{ [$taken['roles'], $taken['version']] }}    ${{ [[], 2] }}    roles and version after the last role was taken
    ${same} =    Change User    roles=${{ [] }}    name=${None}
    Should Be Equal    ${same}    ${taken}    a change that changes nothing
    ${nothing} =    Change User
    Should Be Equal    ${nothing}    ${taken}    a change without members
    ${renamed} =    Change User    name=Another Name
    Should Be Equal    ${{ [$renamed['email'], $renamed['roles']] }}    ${{ [$USER.email, []] }}    what a change of the name leaves

A Second Deactivation Changes Nothing
    [Tags]    id:CT-274    req:C07.1    proto:2.5.23    needs:session.admin
    VAR    ${user}    ${AUTH_URL}/admin/users/${USER.id}
    FOR    ${act}    ${version}    IN    activate    1    deactivate    2    deactivate    2    activate    3
        ${answer} =    Request Should Be Answered    200    POST    ${user}/${act}    token=${SERVICE_TOKEN}
        Should Be Equal As Integers    ${answer.json()}[version]    ${version}    the user's version after ${act}
    END


*** Keywords ***
Refreshes Should Keep Client
    [Documentation]    Tokens of this client are refreshed twice, in both ways, and stay its own; another client refreshes none of them.
    [Arguments]    ${client_id}    ${other}
    ${login} =    Log In At Auth    client_id=${client_id}
    VAR    ${first}    ${login.json()}
    VAR    &{form}    grant_type=refresh_token    refresh_token=${first}[refresh_token]    client_id=${other}
    ${refused} =    Post Form To    auth    /auth/token    ${form}    status=anything
    Should Be Equal As Integers    ${refused.status_code}    400    a refresh of ${client_id} by ${other}
    ${second} =    Post To    auth    /auth/refresh    ${{ {'refresh_token': $first['refresh_token']} }}
    VAR    &{form}    grant_type=refresh_token    refresh_token=${second.json()}[refresh_token]    client_id=${client_id}
    ${third} =    Post Form To    auth    /auth/token    ${form}
    FOR    ${next}    IN    ${second.json()}    ${third.json()}
        Tokens Should Be Alike    ${client_id}    ${first}    ${next}
    END

Tokens Should Be Alike
    [Documentation]    Two access tokens have the same client, audience, session and lifetime.
    [Arguments]    ${client_id}    ${first}    ${next}
    ${old} =    Read Token Claims    ${first}[access_token]
    ${new} =    Read Token Claims    ${next}[access_token]
    VAR    ${before}    ${{ [$old['client_id'], $old['aud'], $old['sid'], $old['exp'] - $old['iat']] }}
    VAR    ${after}    ${{ [$new['client_id'], $new['aud'], $new['sid'], $new['exp'] - $new['iat']] }}
    Should Be Equal    ${after}    ${before}    client, audience, session and lifetime of a refreshed token of ${client_id}

Revocation With Hint Should End Session
    [Documentation]    A new user's token of this sort, revoked with this hint, ends its session.
    [Arguments]    ${sort}    ${hint}
    ${login} =    Log In At Auth
    VAR    &{form}    token=${login.json()}[${sort}]    token_type_hint=${hint}
    Post Form To    auth    /auth/revoke    ${form}
    Should Be Stored    auth    state of a session whose ${sort} was revoked as ${hint}    SELECT status FROM sessions WHERE id = %s
    ...    ${login.json()}[session_id]    revoked

Migrated Metadata Should Be
    [Documentation]    A session with a theme that is migrated with this body has this metadata afterwards.
    [Arguments]    ${body}    ${metadata}
    ${session} =    Create Managed Session    ${USER.id}    metadata=${{ {'theme': 'dark'} }}
    VAR    ${url}    ${AUTH_URL}/admin/sessions/${session.session_id}/migrate
    ${moved} =    Request Should Be Answered    201    POST    ${url}    ${body}    ${SERVICE_TOKEN}
    Should Be Equal    ${moved.json()}[session][metadata]    ${metadata}    the metadata of a session migrated with ${body}
    Should Be Equal    ${moved.json()}[session][type]    SSO    the type of a session migrated with ${body}
