*** Settings ***
Documentation       For which pages a socket opens, where a token may not travel, and what must not be sent on a socket.
...                 Sources: RFC 6455 §4.2.2, §7.4.1 and §10.2 (origin, close codes, sockets across sites), RFC 6750 §2.3 (no token in a
...                 query), OWASP ASVS 5.0 4.4.2 (origin of a handshake).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           security    p0    portable    req:X03


*** Test Cases ***
A Page Of Another Origin Opens No Socket
    [Tags]    id:SE-44    req:C02.4    req:T21    proto:4.07    sec:W01
    ${user} =    Sign In
    Foreign Origin Should Be Refused    ${user}
    Own Origin Should Open Sockets    ${user}

A Query String Carries A Token Under No Name
    [Tags]    id:SE-46    req:C02.4    proto:4.19    sec:W02
    ${user} =    Sign In
    Every Endpoint Should Refuse Token In Query    ${user}
    Logs Should Hold No Secret Of    ${user}

A Wrong Kind Of Frame Closes Its Socket Only
    [Tags]    id:SE-47    req:C02.3    proto:4.20    proto:4.22    sec:W07
    ${user} =    Sign In
    ${other} =    Open Socket    ${user}
    Bad Frames Should Close Their Socket    ${user}
    Socket Should Be Open    ${other}

A Socket Goes On With Tokens Of Its Session Only
    [Tags]    id:SE-48    req:C02.3    req:C04.3    proto:4.38    proto:4.39    sec:W04
    ${user} =    Sign In
    ${socket} =    Open Socket    ${user}
    Socket Should Refuse Foreign Tokens    ${socket}    ${user}
    Socket Should Recognise User    ${socket}
    ${new} =    Refresh Session    ${user}
    Reauthenticate Socket    ${socket}    ${new}
    Socket Should Recognise User    ${socket}


*** Keywords ***
Socket Should Refuse Foreign Tokens
    [Documentation]    A socket of this session does not go on with the token of another user, of another session, or with a forged one.
    [Arguments]    ${socket}    ${session}
    ${other} =    Sign In
    Reauthentication Should Be Refused    ${socket}    ${other}    other user
    ${elsewhere} =    Sign In    ${session}    device=elsewhere
    Reauthentication Should Be Refused    ${socket}    ${elsewhere}    other session
    ${forged} =    Tamper With Token    ${session}
    Reauthentication Should Be Refused    ${socket}    ${forged}    nobody
