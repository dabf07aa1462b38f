*** Settings ***
Documentation       A short-lived access token is honoured up to its expiry and refused from then on, on every service, gracefully;
...                 a refresh carries the user over it.
...                 Sources: RFC 9068, RFC 6750 §3 (challenge), RFC 7519 §4.1.4 (exp).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Tags           critical    p0    portable    req:C04.2    req:T22


*** Test Cases ***
A Token Is Honoured Until Its Expiry And No Longer
    [Tags]    id:C04-09    proto:1.22    proto:2.3.04    proto:2.3.18
    ${user} =    Sign In For Seconds
    Every Endpoint Should Honour Token Until Expiry    ${user}
    Access Should End    ${user}    expiry

A Refresh After The Expiry Brings The User Back
    [Tags]    id:C04-10    req:C04.3    req:T23
    ${old} =    Sign In For Seconds
    Wait Until Token Expires    ${old}
    ${new} =    Refresh Session    ${old}
    Every Endpoint Should Recognise User    ${new}
    Access Should End    ${old}    expiry
