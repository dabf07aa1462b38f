*** Settings ***
Documentation       A refresh brings a new pair for the same user; a spent, forged or doubled refresh token is handled as promised.
...                 Source: RFC 9700 §4.14.2.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           portable    p0    req:T23


*** Test Cases ***
A Refresh Brings A New Pair For The Same User
    [Tags]    id:T23-01
    ${before} =    Sign In
    ${after} =    Refresh Session    ${before}
    Refresh Should Rotate Tokens    ${before}    ${after}
    Every Endpoint Should Recognise User    ${after}
    Every Endpoint Should Open Socket For User    ${after}

A Spent Refresh Token Is Useless
    [Tags]    id:T23-02
    ${before} =    Sign In
    ${after} =    Refresh Session    ${before}
    Spent Refresh Token Should Be Useless    ${before}    ${after}

Parallel Refreshes Are Safe
    [Tags]    id:T23-03
    Repeat Keyword    5 times    Parallel Refresh Of New Session Should Be Safe

A Forged Refresh Token Is Refused
    [Tags]    id:T23-04
    ${user} =    Sign In
    ${forged} =    Tamper With Refresh Token    ${user}
    Refresh Should Be Refused    ${forged}
    ${after} =    Refresh Session    ${user}
    Every Endpoint Should Recognise User    ${after}


*** Keywords ***
Parallel Refresh Of New Session Should Be Safe
    [Documentation]    Of twenty refreshes at one instant with one token as many succeed as is promised. One round may miss a race.
    ${user} =    Sign In
    Parallel Refresh Should Be Safe    ${user}    times=20
