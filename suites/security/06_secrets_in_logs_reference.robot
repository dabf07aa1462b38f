*** Settings ***
Documentation       No service writes a secret of a managed session, or of a login through the provider, into its log.
...                 Sources: docs/protocol.md §1 (logs hold no token, cookie, password, key or Authorization value),
...                 OWASP ASVS 5.0 16.2.5 (no credentials in logs), RFC 9700 §4.2.4.
Resource            oauth.resource
Resource            security.resource
Library             SessionLibrary
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Teardown       Close All Connections
Test Tags           security    p0    req:X04    needs:control.logs


*** Test Cases ***
A Managed Session Leaves Its Tokens In No Log
    [Tags]    id:SE-60    needs:session.admin
    Sign In New User
    ${session} =    Create Managed Session    ${USER.id}
    Wait Until Everything Is Logged
    No Log Should Hold Any Of    ${session.session_token}    ${session.access_token}    ${SERVICE_TOKEN}

No Log Holds A Login's Code, State Or Verifier
    [Tags]    id:SE-39    proto:1.42    needs:oauth.provider
    Create Provider Person
    ${code} =    Follow Login To Code
    ${tokens} =    Exchange Code    ${code}
    Exchange Should Be Refused    a-code-that-nobody-has-issued-${PERSON.sub}
    Wait Until Everything Is Logged
    No Log Should Hold Any Of    ${code}    ${ATTEMPT.state}    ${ATTEMPT.code_verifier}    ${tokens}[access_token]
    ...    ${tokens}[refresh_token]
    ...    a-code-that-nobody-has-issued-${PERSON.sub}

A Refused Body Stands In No Log
    [Documentation]    What could not be read as it was meant is named by its place, not by what it held.
    [Tags]    id:SE-92    proto:1.42
    Sign In New User
    ${secret} =    Get Random UUID
    Refused Should Be    400    /auth/signup    email=no address    password=${secret}    name=Any
    Refused Should Be    400    /auth/login    password=${secret}
    Refused Should Be    400    /auth/login    email=any@example.test    password=${secret}    device=${7}
    Refused Should Be    400    /auth/refresh    refresh_token=${{ [$secret] }}
    Refused Should Be    400    /users/me/password    old=${secret}
    Refused Should Be    400    /users/me/password    old=${secret}    new=${{ [$secret] }}
    Wait Until Everything Is Logged
    No Log Should Hold Any Of    ${secret}


*** Keywords ***
Refused Should Be
    [Documentation]    Auth, itself and through frontend, answers a body of these members with this status.
    [Arguments]    ${status}    ${path}    &{body}
    Post To    auth    ${path}    ${body}    ${ACCESS_TOKEN}    status=${status}
    Post To    frontend    ${path}    ${body}    ${ACCESS_TOKEN}    status=${status}

Wait Until Everything Is Logged
    [Documentation]    A request through frontend to auth, and one to a replica, are in the logs of all who had a part in them, under the id
    ...    that they were given: so are, then, all requests that were answered before.
    ${id} =    Get Random UUID
    ${response} =    Post To    frontend    /auth/refresh    ${{ {'refresh_token': 'no-such-token'} }}    status=400    X-Request-Id=${id}
    Should Be Equal    ${response.headers}[X-Request-Id]    ${id}    the answer names another request than the caller did
    Wait Until Request Is Logged    ${id}    auth    frontend
    Post To    backend    /internal/sync    ${{ {} }}    status=401    X-Request-Id=${id}
    Wait Until Request Is Logged    ${id}    backend-1

No Log Should Hold Any Of
    [Documentation]    None of these secrets is in the log of any service.
    [Arguments]    @{secrets}
    FOR    ${number}    ${secret}    IN ENUMERATE    @{secrets}    start=1
        Run Case    secret ${number} of ${{ len($secrets) }}    No Service Log Should Contain    ${secret}
    END
