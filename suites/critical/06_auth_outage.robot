*** Settings ***
Documentation       While the instance that signs users in is dead or hangs, sessions go on and sign-ins are refused at once; its return
...                 restores everything. Sources: RFC 9110 §15.6.4 and §10.2.3 (503, Retry-After), M. Nygard, Release It! (fail fast).
Resource            portable/vocabulary.resource
Suite Setup         Use Private Target
Suite Teardown      Leave Target
Test Setup          Sign In And Watch Endpoints
Test Teardown       Close All Sockets
Test Tags           critical    portable    p1    req:C06.1    req:C06.2    req:C06.4


*** Test Cases ***
Sessions Go On While Nobody Can Sign In
    [Tags]    id:C06-01    proto:1.25    proto:1.26
    Kill Instance    ${INSTANCE}
    Sessions Should Go On    while it is dead
    Sign Ins Should Fail Fast    ${USER}
    Start Instance    ${INSTANCE}
    Sign Ins Should Work Again    ${USER}
    Chat Should Go On    after its return
    Endpoints Should Have Gone On    ${WATCH}

Sessions Go On While Sign-ins Hang
    [Documentation]    The first sign-ins find out that the instance is silent; from then on it is known.
    [Tags]    id:C06-02    proto:3.1.35
    Pause Instance    ${INSTANCE}
    Sign Ins Should Fail Fast    ${USER}    at_first=True
    Sessions Should Go On    while it hangs
    Sign Ins Should Fail Fast    ${USER}
    Resume Instance    ${INSTANCE}
    Sign Ins Should Work Again    ${USER}
    Chat Should Go On    after its return
    Endpoints Should Have Gone On    ${WATCH}


*** Keywords ***
Sign In And Watch Endpoints
    [Documentation]    A user with two devices asks every endpoint on and on, and another user has not used their session yet: sets
    ...    ``INSTANCE``, the one that signs users in, ``USER``, ``ROOM``, ``PHONE``, ``LAPTOP``, ``WATCH`` and ``UNUSED``.
    ${instance} =    Get Instance That Signs In
    Sign In At Room
    Open Devices That Go On
    ${unused} =    Sign In
    ${watch} =    Watch Endpoints    ${USER}
    VAR    ${INSTANCE}    ${instance}    scope=TEST
    VAR    ${UNUSED}    ${unused}    scope=TEST
    VAR    ${WATCH}    ${watch}    scope=TEST

Open Devices That Go On
    [Documentation]    Two devices of the test's user where sessions are declared to go on: sets ``PHONE`` and ``LAPTOP``.
    ${endpoints} =    Get Endpoints That Go On
    ${phone} =    Open Device    ${USER}    ${ROOM}    ${endpoints}[0]
    ${laptop} =    Open Device    ${USER}    ${ROOM}    ${endpoints}[-1]
    VAR    ${PHONE}    ${phone}    scope=TEST
    VAR    ${LAPTOP}    ${laptop}    scope=TEST
