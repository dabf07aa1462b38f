*** Settings ***
Documentation       One access token is good on every service, for as long as it lives and no longer; a refresh token is good once.
...                 Sources: RFC 9068 (JWT access tokens), RFC 8725, RFC 6750 (challenge), RFC 9700 §4.14 (refresh token rotation).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           critical    p0    portable


*** Test Cases ***
One Token Names The Same User Everywhere
    [Tags]    id:C04-01    req:C04.1    req:T20    proto:3.1.01    proto:4.26
    ${user} =    Sign In
    Every Endpoint Should Recognise User    ${user}
    Every Endpoint Should Open Socket For User    ${user}

Services Agree On The User Of The Token
    [Tags]    id:C04-02    req:C04.1    proto:2.3.02
    ${user} =    Sign In
    Every Endpoint Should Agree On User    ${user}

Introspection Reports What The Token Holds
    [Documentation]    RFC 7662, section 2.2: each member means what the claim of its name does.
    [Tags]    id:C04-03    req:C04.1    proto:2.4.24
    ${user} =    Sign In
    Introspection Should Agree With Token    ${user}

A Token That Was Tampered With Is Refused Everywhere
    [Tags]    id:C04-04    req:C04.2    req:T21    proto:1.01    proto:1.21    sec:J01
    ${user} =    Sign In
    ${broken} =    Tamper With Token    ${user}
    Every Endpoint Should Refuse Token    ${broken}    invalid
    Every Endpoint Should Refuse Socket    ${broken}    invalid
    Every Endpoint Should Recognise User    ${user}
    Every Endpoint Should Open Socket For User    ${user}

A Refresh Yields A New Pair For The Same Session
    [Tags]    id:C04-05    req:C04.3    req:T23    proto:2.4.11
    ${before} =    Sign In
    ${after} =    Refresh Session    ${before}
    Refresh Should Rotate Tokens    ${before}    ${after}
    Every Endpoint Should Recognise User    ${after}
    Every Endpoint Should Open Socket For User    ${after}

A Spent Refresh Token Ends Its Whole Family
    [Tags]    id:C04-06    req:C04.3    req:T23    proto:2.3.25    proto:2.3.26    proto:2.4.13    proto:2.4.15    sec:O06
    ${before} =    Sign In
    ${after} =    Refresh Session    ${before}
    Spent Refresh Token Should Be Useless    ${before}    ${after}
    Family Should End After Reuse    ${after}

A Sign-out Ends The Tokens And Sockets Of Its Session
    [Tags]    id:C04-07    req:C04.3    req:T24    proto:1.22    proto:2.4.18    proto:2.4.19    proto:4.104    sec:S03
    ${user} =    Sign In
    ${sockets} =    Open Sockets Everywhere    ${user}
    Every Endpoint Should Recognise User    ${user}
    Sign Out    ${user}
    Session Should End Everywhere    ${user}    ${sockets}    sign_out

A Forged Token Signs Nobody Out
    [Tags]    id:C04-08    req:C04.3    proto:2.4.20    sec:J01
    ${user} =    Sign In
    ${socket} =    Open Socket    ${user}
    Forged Tokens Should End No Session    ${user}
    Session Should Go On    ${user}    ${socket}
    Every Endpoint Should Open Socket For User    ${user}
    ${broken} =    Tamper With Token    ${user}
    Every Endpoint Should Refuse Token    ${broken}    invalid


*** Keywords ***
Session Should End Everywhere
    [Documentation]    Refresh token, sockets and access of a session end after a word as the target promises.
    [Arguments]    ${session}    ${sockets}    ${after}
    Described Refresh Should End    ${session}    ${after}
    Every Socket Should End    ${sockets}    ${after}
    Access Should End    ${session}    ${after}
