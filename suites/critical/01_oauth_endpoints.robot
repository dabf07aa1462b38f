*** Settings ***
Documentation       Each endpoint says what it is and that it is ready, and asks for a token before it does anything for a user.
...                 Sources: RFC 6750 §3 (challenge), ASVS 5.0 §8.3.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Tags           critical    p0    portable    req:C01.3


*** Test Cases ***
Every Endpoint Names Its Service
    [Tags]    id:C01-04    req:H03    proto:1.30
    Every Endpoint Should Name Its Service

Every Operation Asks For A Token
    [Tags]    id:C01-05    req:T21    proto:1.20
    ${user} =    Sign In
    Every Operation Should Ask For Token    ${user}
