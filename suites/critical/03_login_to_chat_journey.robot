*** Settings ***
Documentation       A user goes from the sign-in to a chat without a manual step; who returns finds the account and what was written.
...                 The login through a provider, and the assistant's answer, are in 03_login_to_chat_journey_reference.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           portable    critical    p0


*** Test Cases ***
A Returning User Is Not Duplicated
    [Tags]    id:C03-03    req:C03.2
    ${first} =    Sign In
    ${again} =    Sign In    ${first}
    Should Be Equal    ${again.user}    ${first.user}    the returning user is another one
    Every Endpoint Should Recognise User    ${again}
    User Should Be Stored In Every Store    ${again}

A Returning User Goes On With An Earlier Chat
    [Tags]    id:C03-04    req:C03.2    proto:3.1.14
    Sign In At Room
    ${texts} =    Send Messages And Leave    4
    ${again} =    Sign In    ${USER}
    Room Should Hold Only    ${again}    ${ROOM}    ${texts}
    ${laptop} =    Open Device    ${again}    ${ROOM}
    Send Message    ${laptop}    ${ROOM}    hello again
    Message Should Arrive    ${laptop}    hello again    ${ROOM}    ${again}
    VAR    @{all}    @{texts}    hello again
    Room Should Hold Only    ${again}    ${ROOM}    ${all}

An Earlier Session Goes On Beside The New One
    [Tags]    id:C03-05    req:C03.2
    ${earlier} =    Sign In
    ${socket} =    Open Socket    ${earlier}
    ${later} =    Sign In    ${earlier}
    Sessions Should Be Separate    ${earlier}    ${later}
    Session Should Go On    ${earlier}    ${socket}
    Every Endpoint Should Recognise User    ${later}

A New User Chats At Once
    [Documentation]    No step lies between the sign-in and the first message: the very first calls with its token already work.
    [Tags]    id:C03-06    req:C03.3
    ${account} =    Sign Up
    ${began} =    Get Moment
    ${user} =    Sign In    ${account}
    ${room} =    Create Room    ${user}
    ${phone} =    Open Device    ${user}    ${room}
    Send Message    ${phone}    ${room}    am I in
    Message Should Arrive    ${phone}    am I in    ${room}    ${user}
    Delay Should Be As Promised    first_message    ${began}


*** Keywords ***
Send Messages And Leave
    [Documentation]    So many messages of the test's user in its room, from a device that is closed again; returns their texts.
    [Arguments]    ${count}
    ${device} =    Open Device    ${USER}    ${ROOM}
    ${texts} =    Send Messages    ${device}    ${ROOM}    ${count}
    Close Socket    ${device}
    RETURN    ${texts}
