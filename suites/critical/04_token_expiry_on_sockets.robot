*** Settings ***
Documentation       A socket ends with the short-lived access token that opened it, with the close code that says so; a refreshed
...                 token carries it on.
...                 Sources: RFC 7519 §4.1.4 (exp), RFC 6455 §7.4 (close codes).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           critical    p0    portable    req:C04.2    req:T22


*** Test Cases ***
An Open Socket Is Closed At Its Token's Expiry
    [Tags]    id:C04-11    proto:4.103    proto:4.110    sec:W04
    ${user} =    Sign In For Seconds
    ${sockets} =    Open Sockets Everywhere    ${user}
    Wait Until Token Expires    ${user}
    Every Socket Should End    ${sockets}    expiry

A Socket Lives On With A Refreshed Token
    [Tags]    id:C04-12    req:C04.3    req:T23    proto:4.37
    ${old} =    Sign In For Seconds
    ${socket} =    Open Socket    ${old}
    Wait Until Token Expires    ${old}    before=1s
    ${new} =    Refresh Session    ${old}
    Reauthenticate Socket    ${socket}    ${new}
    Wait Until Token Expires    ${old}    after=1s
    Socket Should Be Open    ${socket}
    Wait Until Token Expires    ${new}
    Socket Should End    ${socket}    expiry
