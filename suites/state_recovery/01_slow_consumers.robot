*** Settings ***
Documentation       A device that does not read for a while costs nobody a message.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           state-recovery    portable    p0    req:R02


*** Test Cases ***
A Device That Pauses Briefly Receives Everything
    [Tags]    id:R02-01
    Open Two Devices With First Message
    Pause Reading    ${LAPTOP}
    Send More Messages    90    while it pauses
    Resume Reading    ${LAPTOP}
    Laptop Should Have Everything
    Socket Should Be Open    ${LAPTOP}
    Nothing Should Be Lost
