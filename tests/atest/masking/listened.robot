*** Settings ***
Documentation       A token that came over HTTP, in all the places where a listener could see it.
Library             RequestsLibrary
Library             JWTLibrary


*** Test Cases ***
A Token Is Shown To No Listener
    ${response} =    GET    ${URL}
    VAR    ${token}    ${response.json()}[refresh_token]
    VAR    ${cookie}    ${response.cookies}[one]
    Log    ${token} and ${cookie}
    Run Keyword    Log Many    ${token}    ${response.cookies}[two]
    Run Keyword And Ignore Error    Fail    ${token}
    FOR    ${one}    IN    ${token}    ${cookie}
        Should Not Be Empty    ${one}
    END

A Failure Is Shown Without Its Token
    [Teardown]    Run Keyword If Test Failed    Pass Execution    as wanted
    ${response} =    GET    ${URL}
    Run Keyword And Expect Error    *    Fail    ${response.cookies}[two]
