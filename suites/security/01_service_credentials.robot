*** Settings ***
Documentation       What services and operators may do, no other user may: every endpoint below ``/admin`` and ``/internal``, and
...                 introspection, is closed to anyone who does not show the service credential, whole and unchanged.
...                 Sources: docs/protocol.md §1 (service credential), RFC 6750 §3 (challenge), RFC 7662 §2.1 and §2.2 (introspection),
...                 OWASP ASVS 5.0 8.2.1 (access to functions) and 13.2.1 (authentication between services).
Resource            security.resource
Library             RedisLibrary
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Tags           security    p0    req:X03    needs:session.admin    needs:db.auth


*** Test Cases ***
Internal Endpoints Refuse Calls Without The Service Credential
    [Tags]    id:SE-01    proto:1.39    needs:replicas.2
    [Template]    Internal Endpoints Should Refuse
    no credential    ${None}    token_missing
    a user's access token    ${ACCESS_TOKEN}
    a user's refresh token    ${REFRESH_TOKEN}
    any text    let-me-in
    the credential cut by one sign    ${{ robot.api.types.Secret($SERVICE_TOKEN.value[:-1]) }}
    one sign more than the credential    ${{ robot.api.types.Secret($SERVICE_TOKEN.value + 'x') }}

A Refused Request Changes Nothing
    [Tags]    id:SE-02    proto:1.39    needs:redis    needs:replicas.2
    ${before} =    Get Auth User Row    ${USER.id}
    Internal Endpoints Should Refuse    a user's access token    ${ACCESS_TOKEN}
    ${after} =    Get Auth User Row    ${USER.id}
    Should Be Equal    ${after}    ${before}    a refused call has changed the user
    Redis Key Should Not Exist    lock:${USER.id}
    Session Should Still Live    ${USER}

A Missing Service Credential Gets A Standard Challenge
    [Tags]    id:SE-03
    ${response} =    Get From    auth    /admin/users/${USER.id}    status=401
    Answer Should Challenge For Token    ${response}
    Service Should Refuse Token    auth    /admin/users/${USER.id}    ${ACCESS_TOKEN}    token_invalid

Introspection Needs A Credential And A Live Access Token
    [Tags]    id:SE-04    proto:1.04    proto:2.4.24    sec:O09    needs:jwt.signing_key
    Introspection Should Report    ${ACCESS_TOKEN}    ${True}
    ${expired} =    Forge From My Token    expired
    Introspection Should Report    ${expired}    ${False}
    Introspection Should Report    ${REFRESH_TOKEN}    ${False}
    Introspection Should Report    no-token-at-all    ${False}
    ${form} =    Make Request Body    token=${ACCESS_TOKEN}
    ${response} =    Post Form To    auth    /auth/introspect    ${form}    ${ACCESS_TOKEN}    status=401
    Should Be Equal    ${response.json()}[error]    invalid_client    introspection is refused in other words
    Log Out
    Introspection Should Report    ${ACCESS_TOKEN}    ${False}

No Internal Endpoint Is Reachable Through Frontend
    [Tags]    id:SE-05    needs:replicas.2
    [Template]    Frontend Should Not Lead To
    /admin/users/${USER.id}
    /admin/outbox
    /internal/sync
    /openapi.json


*** Keywords ***
Frontend Should Not Lead To
    [Documentation]    Even with the service credential, frontend knows no such path.
    [Arguments]    ${path}
    ${response} =    Get From    frontend    ${path}    ${SERVICE_TOKEN}    status=anything
    Should Be Equal As Integers    ${response.status_code}    404    frontend leads to ${path}, to which it must not
