*** Settings ***
Documentation       A room is its owner's. Another user who knows its id can neither read nor write, join nor delete it, at any endpoint.
...                 Sources: OWASP ASVS 5.0 8.2.2 and OWASP API1:2023 (access to single objects), RFC 9110 §15.5.5 (404 instead of 403).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Setup          Sign In At Room
Test Teardown       Close All Sockets
Test Tags           portable    security    p0    req:C02.3    req:X03


*** Test Cases ***
A Room Is Out Of Reach Of Other Users
    [Tags]    id:SE-42    req:C10.1    req:T21    proto:1.24    proto:3.1.08    sec:W06
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    for its owner alone
    ${other} =    Sign In
    Room Should Be Out Of Reach    ${other}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    and another one
    VAR    @{texts}    for its owner alone    and another one
    Messages Should Arrive In Order    ${phone}    ${texts}    ${ROOM}
    Room Should Hold Only    ${USER}    ${ROOM}    ${texts}

Resuming Another User's Room Shows Nothing Of It
    [Tags]    id:SE-43    sec:W05
    ${phone} =    Open Device    ${USER}    ${ROOM}
    Send Message    ${phone}    ${ROOM}    for its owner alone
    Reconnect Other User
    Resume Should Be Refused    ${OTHER DEVICE}    ${ROOM}    like=${phone}
    Send Message    ${phone}    ${ROOM}    not for others
    Message Should Arrive    ${phone}    not for others    ${ROOM}
    Join Room    ${OTHER DEVICE}    ${OTHER ROOM}
    Send Message    ${OTHER DEVICE}    ${OTHER ROOM}    later
    Message Should Not Arrive    ${OTHER DEVICE}    not for others    after=later


*** Keywords ***
Reconnect Other User
    [Documentation]    A device of another user, which the target knows from before, is back in a room of its own: sets ``OTHER DEVICE``
    ...    and ``OTHER ROOM`` for the test.
    ${other} =    Sign In
    ${room} =    Create Room    ${other}
    ${before} =    Open Device    ${other}    ${room}
    Send Message    ${before}    ${room}    before
    Message Should Arrive    ${before}    before    ${room}
    Close Socket    ${before}
    ${again} =    Reconnect Socket    ${before}    ${room}
    VAR    ${OTHER DEVICE}    ${again}    scope=TEST
    VAR    ${OTHER ROOM}    ${room}    scope=TEST
