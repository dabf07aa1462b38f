*** Settings ***
Documentation       A restart changes nothing of how long a token lives.
...                 Source: RFC 7519 §4.1.4 (exp).
Resource            portable/vocabulary.resource
Suite Setup         Use Private Target
Suite Teardown      Leave Target
Test Tags           session-persistence    portable    p0    req:P06


*** Test Cases ***
A Token From Before A Restart Ends At Its Expiry
    [Tags]    id:P02-06    req:P02    part:expiry
    ${user} =    Sign In For Seconds
    Restart Each Instance    kill
    Wait Until Token Expires    ${user}
    Access Should End    ${user}    expiry
