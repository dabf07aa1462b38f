*** Settings ***
Documentation       A token is honoured until its expiry and refused from then on, everywhere; its sockets end with it; a refresh goes on.
...                 One sign-in for seconds serves all tests; each waits for its expiry by itself.
...                 Sources: RFC 7519 §4.1.4, RFC 9068 §4.
Resource            portable/vocabulary.resource
Suite Setup         Sign In For Suite
Suite Teardown      Run Keywords    Close All Sockets    AND    Leave Target
Test Tags           portable    p0    req:T22


*** Test Cases ***
Every Endpoint Refuses A Token From Its Expiry On
    [Tags]    id:T22-01
    Wait Until Token Expires    ${USER}
    Access Should End    ${USER}    expiry

No Socket Opens With An Expired Token
    [Tags]    id:T22-02
    Wait Until Token Expires    ${USER}
    Every Endpoint Should Refuse Socket    ${USER}    expired    after=expiry

Open Sockets End At The Expiry
    [Tags]    id:T22-03
    Wait Until Token Expires    ${USER}
    Every Socket Should End    ${SOCKETS}    expiry

A Refresh After The Expiry Brings The User Back
    [Tags]    id:T22-04    req:T23
    Wait Until Token Expires    ${USER}
    ${user} =    Refresh Session    ${USER}
    Every Endpoint Should Recognise User    ${user}

A Refreshed Token Carries An Open Socket On
    [Tags]    id:T22-05    req:T23
    ${old} =    Sign In For Seconds
    ${socket} =    Open Socket    ${old}
    Wait Until Token Expires    ${old}    before=1s
    ${new} =    Refresh Session    ${old}
    Reauthenticate Socket    ${socket}    ${new}
    Wait Until Token Expires    ${old}    after=1s
    Socket Should Be Open    ${socket}


*** Keywords ***
Sign In For Suite
    [Documentation]    A session of seconds that every endpoint recognises, with a socket at each: sets ``USER`` and ``SOCKETS``.
    Use Target
    ${user} =    Sign In For Seconds
    Every Endpoint Should Recognise User    ${user}
    ${sockets} =    Open Sockets Everywhere    ${user}
    VAR    ${USER}    ${user}    scope=SUITE
    VAR    ${SOCKETS}    ${sockets}    scope=SUITE
