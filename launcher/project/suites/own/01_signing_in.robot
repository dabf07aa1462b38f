*** Settings ***
Documentation       The first suite of {{name}}: who signs in is known, and the devices of a user receive each other's messages.
Resource            ../../resources/own.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           portable    own


*** Test Cases ***
A User Who Signs In Is Known
    [Tags]    id:OWN-01    req:A01
    ${user} =    Sign In
    Every Endpoint Should Recognise User    ${user}

Each Device Receives The Other's Messages
    [Tags]    id:OWN-02    req:A02
    Open Phone And Laptop
    Send Message    ${PHONE}    ${ROOM}    from the phone
    Message Should Arrive    ${LAPTOP}    from the phone    ${ROOM}    ${USER}
    Send Message    ${LAPTOP}    ${ROOM}    from the laptop
    Message Should Arrive    ${PHONE}    from the laptop    ${ROOM}    ${USER}

A Session That Signs Out Ends
    [Tags]    id:OWN-03    req:A01
    ${user} =    Sign In
    Sign Out    ${user}
    Access Should End    ${user}    sign_out
    Refresh Should End    ${user}    sign_out
