*** Settings ***
Documentation       Who signs in is recognised at every endpoint and on every socket as no other user; a wrong password is refused.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           portable    p0    req:T20


*** Test Cases ***
Every Endpoint Recognises A New User
    [Tags]    id:T20-01
    ${user} =    Sign In
    Every Endpoint Should Recognise User    ${user}

Every Socket Recognises A New User
    [Tags]    id:T20-02
    ${user} =    Sign In
    Every Endpoint Should Open Socket For User    ${user}

A Wrong Password Is Refused
    [Tags]    id:T20-03
    ${account} =    Sign Up
    ${wrong} =    Forget Password    ${account}
    Sign In Should Be Refused    ${wrong}

Two Users Are Kept Apart
    [Tags]    id:T20-04
    ${first} =    Sign In
    ${second} =    Sign In
    Should Not Be Equal    ${first.user}    ${second.user}    two accounts are one user
    Every Endpoint Should Recognise User    ${second}
    Every Endpoint Should Recognise User    ${first}

A User Is Signed In On Two Devices
    [Tags]    id:T20-05
    ${phone} =    Sign In    device=phone
    ${laptop} =    Sign In    ${phone}    device=laptop
    Should Be Equal    ${laptop.user}    ${phone.user}    the second sign-in is another user
    Every Endpoint Should Recognise User    ${phone}
    Every Endpoint Should Recognise User    ${laptop}

The Access Token Is What The Target Declares
    [Tags]    id:T20-06
    ${user} =    Sign In
    Token Should Be As Declared    ${user}
