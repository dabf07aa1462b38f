*** Settings ***
Documentation       RequestsLibrary logs headers and bodies at INFO; the listener comes with the other library.
Library             RequestsLibrary
Library             JWTLibrary


*** Test Cases ***
A Login And A Call Leave No Secret In The Log
    POST    ${AUTH}/auth/signup    json=${{ {'email': $EMAIL, 'password': $PASSWORD, 'name': 'A'} }}
    ${login} =    POST    ${AUTH}/auth/login    json=${{ {'email': $EMAIL, 'password': $PASSWORD} }}
    VAR    &{headers}    Authorization=Bearer ${login.json()}[access_token]
    ${me} =    GET    ${AUTH}/users/me    headers=${headers}
    Should Be Equal    ${me.json()}[email]    ${EMAIL}
    VAR    &{form}    grant_type=refresh_token    client_id=web    refresh_token=${login.json()}[refresh_token]
    ${refreshed} =    POST    ${AUTH}/auth/token    data=${form}
    Log Many    @{{ list($refreshed.json().items()) }}
    Hand Out Secrets    ${login.json()}    ${refreshed.json()}


*** Keywords ***
Hand Out Secrets
    [Documentation]    Hands the secrets to the test outside, past the log.
    [Arguments]    ${login}    ${refreshed}
    VAR    ${all}    ${{ [answer[kind] for answer in ($login, $refreshed) for kind in ('access_token', 'refresh_token')] }}
    Evaluate    pathlib.Path($OUTPUT_DIR, 'secrets.txt').write_text('\\n'.join($all))    modules=pathlib
