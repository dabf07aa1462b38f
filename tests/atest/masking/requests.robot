*** Settings ***
Documentation       RequestsLibrary logs headers and bodies at INFO; the listener comes with the other library.
Library             RequestsLibrary
Library             JWTLibrary


*** Test Cases ***
A Login And A Call Leave No Secret In The Log
    ${signup} =    POST    ${AUTH}/auth/signup    json=${{ {'email': $EMAIL, 'password': $PASSWORD, 'name': 'A'} }}
    ${login} =    POST    ${AUTH}/auth/login    json=${{ {'email': $EMAIL, 'password': $PASSWORD} }}
    VAR    &{headers}    Authorization=Bearer ${login.json()}[access_token]
    ${me} =    GET    ${AUTH}/users/me    headers=${headers}
    Should Be Equal    ${me.json()}[email]    ${EMAIL}
    ${form} =    Create Dictionary    grant_type=refresh_token    client_id=web
    ...    refresh_token=${login.json()}[refresh_token]
    ${refreshed} =    POST    ${AUTH}/auth/token    data=${form}
    Log Many    @{{ list($refreshed.json().items()) }}
    Create File Of Secrets    ${login.json()}    ${refreshed.json()}

*** Keywords ***
Create File Of Secrets
    [Documentation]    Hands the secrets to the test outside, past the log.
    [Arguments]    ${login}    ${refreshed}
    Evaluate    pathlib.Path($OUTPUT_DIR, 'secrets.txt').write_text('\\n'.join([$login['access_token'], $login['refresh_token'], $refreshed['access_token'], $refreshed['refresh_token']]))
    ...    modules=pathlib
