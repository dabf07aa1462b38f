*** Settings ***
Documentation       A session is one and the same at every endpoint, on every socket and in every store, and ends in all of them.
...                 Source: OWASP ASVS 5.0 7.4.1 (an ended session is of no more use anywhere).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           session-sync    portable    p0    req:S01


*** Test Cases ***
A Session Is The Same At Every Endpoint And Store
    [Tags]    id:S01-03    req:T20    proto:4.26
    ${laptop}    ${phone} =    Sign In On Two Devices
    Every Endpoint Should Know Session    ${laptop}
    Every Endpoint Should Know Session    ${phone}

A Session That Ends Has Ended Everywhere
    [Tags]    id:S01-02    part:backend    part:redis    part:socket    req:T24    proto:2.5.31    proto:R4.13
    ${laptop}    ${phone} =    Sign In On Two Devices
    Every Endpoint Should Recognise User    ${laptop}
    Described Stores Should Hold Session    ${laptop}
    ${sockets} =    Open Sockets Everywhere    ${laptop}
    Sign Out    ${laptop}
    Access Should End    ${laptop}    sign_out
    Every Socket Should End    ${sockets}    sign_out
    Described Stores Should Not Hold Session    ${laptop}
    Every Endpoint Should Recognise User    ${phone}
    Described Stores Should Hold Session    ${phone}
