*** Settings ***
Documentation       A missing, broken or revoked credential is refused everywhere in the target's words; foreign data is out of reach.
...                 Sources: RFC 6750 §3, RFC 6455 §4.2.2, ASVS 5.0 §8.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           portable    p0    req:T21


*** Test Cases ***
Every Endpoint Refuses A Missing Token
    [Tags]    id:T21-01
    ${user} =    Sign In
    ${nobody} =    Drop Token    ${user}
    Every Endpoint Should Refuse Token    ${nobody}    unauthenticated

Every Endpoint Refuses A Broken Token
    [Tags]    id:T21-02
    ${user} =    Sign In
    ${broken} =    Tamper With Token    ${user}
    Every Endpoint Should Refuse Token    ${broken}    invalid
    Every Endpoint Should Recognise User    ${user}

No Socket Opens Without A Token
    [Tags]    id:T21-03
    ${user} =    Sign In
    ${nobody} =    Drop Token    ${user}
    Every Endpoint Should Refuse Socket    ${nobody}    unauthenticated

No Socket Opens With A Broken Token
    [Tags]    id:T21-04
    ${user} =    Sign In
    ${broken} =    Tamper With Token    ${user}
    Every Endpoint Should Refuse Socket    ${broken}    invalid
    Every Endpoint Should Open Socket For User    ${user}

No Socket Opens With A Token That Was Signed Out
    [Tags]    id:T21-05
    ${user} =    Sign In
    Sign Out    ${user}
    Every Endpoint Should Refuse Socket    ${user}    revoked    after=sign_out

Other Users Cannot Read A Room
    [Tags]    id:T21-06
    Sign In At Room
    ${other} =    Sign In
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    private
    History Should Be Refused    ${other}    ${ROOM}
    VAR    @{texts}    private
    History Should Be    ${USER}    ${ROOM}    ${texts}

Other Users Cannot Join A Room
    [Tags]    id:T21-07
    Sign In At Room
    ${other} =    Sign In
    ${socket} =    Open Socket    ${other}
    Join Should Be Refused    ${socket}    ${ROOM}

Every Endpoint Refuses Forged Tokens
    [Tags]    id:T21-08
    ${user} =    Sign In
    Every Endpoint Should Refuse Forged Tokens    ${user}

No Socket Opens For A Foreign Origin
    [Tags]    id:T21-09
    ${user} =    Sign In
    Foreign Origin Should Be Refused    ${user}
