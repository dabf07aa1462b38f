*** Settings ***
Documentation       An instance that ends, however that is, costs a device nothing: it recovers at the other one, and at the successor.
...                 Sources: RFC 6455 §7.1.7 (a connection may end without a close frame) and §7.4.1 (1006).
Resource            portable/vocabulary.resource
Suite Setup         Run Keywords    Use Private Target    AND    Use Disturbable Network
Suite Teardown      Leave Target
Test Setup          Open Two Devices At Replicas
Test Teardown       Heal Network And Close Sockets
Test Tags           state-recovery    portable    p0    req:R01    req:R06


*** Test Cases ***
A Killed Instance Costs A Device Nothing
    [Tags]    id:R01-04    proto:R2.04
    Kill Instance    ${SECOND}
    Socket Should Be Lost    ${LAPTOP}
    Laptop Should Recover    ${FIRST}
    Start Instance    ${SECOND}
    Move Laptop To    ${SECOND}
    Kill Instance    ${SECOND}
    Socket Should Be Lost    ${LAPTOP}
    Start Instance    ${SECOND}
    Laptop Should Recover    ${SECOND}
    Nothing Should Be Lost

A Restarted Instance Costs A Device Nothing
    [Tags]    id:R01-05    proto:R2.05
    Restart Instance    ${SECOND}
    Socket Should Close For Restart    ${LAPTOP}
    Laptop Should Recover    ${SECOND}
    Restart Instance    ${SECOND}
    Socket Should Close For Restart    ${LAPTOP}
    Laptop Should Recover    ${FIRST}
    Nothing Should Be Lost

A Device Recovers When Both Ends Are Lost At Once
    [Tags]    id:R01-06    proto:R2.06
    Reset Network    ${LAPTOP}
    Socket Should Be Lost    ${LAPTOP}
    Laptop Should Recover    ${SECOND}
    Kill Instance    ${SECOND}
    Reset Socket    ${LAPTOP}
    Laptop Should Recover    ${FIRST}
    Nothing Should Be Lost


*** Keywords ***
Open Two Devices At Replicas
    [Documentation]    The phone is at one replica, the laptop at another one, in a network that can be disturbed: sets ``FIRST`` and
    ...    ``SECOND``, their endpoints.
    ${replicas} =    Get Replicas
    VAR    ${FIRST}    ${replicas}[0]    scope=TEST
    VAR    ${SECOND}    ${replicas}[1]    scope=TEST
    Sign In At Room
    ${phone} =    Open Device    ${USER}    ${ROOM}    ${FIRST}
    ${laptop} =    Open Device    ${USER}    ${ROOM}    ${SECOND}
    VAR    ${PHONE}    ${phone}    scope=TEST
    VAR    ${LAPTOP}    ${laptop}    scope=TEST
    Send First Message

Move Laptop To
    [Documentation]    The laptop closes its socket and recovers at another endpoint.
    [Arguments]    ${endpoint}
    Close Socket    ${LAPTOP}
    Laptop Should Recover    ${endpoint}
