*** Settings ***
Documentation       A user is the same with the same data at every endpoint and in every store, whatever is changed; who is gone
...                 is gone for all. Source: OWASP ASVS 5.0 7.4.2 (suspended and deleted users lose their sessions).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           critical    portable    p0


*** Test Cases ***
A Changed Name Reaches Every Endpoint, Store And Open Socket
    [Tags]    id:C07-02    req:C07.2    req:T27    proto:4.61
    ${user} =    Sign In
    ${sockets} =    Open Sockets Everywhere    ${user}
    ${changed} =    Change Profile    ${user}
    Every Endpoint Should Show User    ${changed}
    Described Stores Should Hold User    ${changed}
    Open Sockets Should Follow Change    ${sockets}    ${changed}

A Changed Role Reaches Every Endpoint, Store And Token
    [Tags]    id:C07-03    req:C07.2    req:T27    proto:2.5.23
    ${user} =    Sign In
    ${changed} =    Change Role    ${user}
    Every Endpoint Should Show User    ${changed}
    Described Stores Should Hold User    ${changed}
    Rights Should Follow Role    ${changed}
    ${again} =    Renew Tokens    ${changed}
    Token Should Have Role    ${again}

A Suspension Ends Everything Until The Account Is Activated
    [Tags]    id:C07-05    req:C07.3    req:T24    proto:2.4.31    sec:S04
    ${user} =    Sign In
    ${sockets} =    Open Sockets Everywhere    ${user}
    Deactivate Account    ${user}
    Account Should Be Suspended    ${user}    ${sockets}
    Activate Account    ${user}
    ${again} =    User Should Be Able To Sign In    ${user}    within=5s
    Every Endpoint Should Open Socket For User    ${again}
    Described Stores Should Hold User    ${again}    active=${True}
    Suspended Access Should Stay Ended    ${user}

A Deletion Leaves No Trace And Frees The Account
    [Tags]    id:C07-06    req:C07.3    req:T24    sec:S04
    Sign In At Room
    ${sockets} =    Open Sockets Everywhere    ${USER}
    ${phone} =    Open Device    ${USER}    ${ROOM}
    ${message} =    Send Message    ${phone}    ${ROOM}    before I leave
    Described Stores Should Hold User    ${USER}
    Delete Account    ${USER}
    Account Should Be Gone    ${USER}    ${sockets}    ${message}
    Deleted Account Should Come Back As New User    ${USER}


*** Keywords ***
Account Should Be Suspended
    [Documentation]    Access and open sockets have ended, nobody signs in, and each store has the user as suspended.
    [Arguments]    ${session}    ${sockets}
    Access Should End    ${session}    deactivate
    Every Socket Should End    ${sockets}    deactivate
    Sign In Should Be Refused    ${session}
    Described Stores Should Hold User    ${session}    active=${False}

Account Should Be Gone
    [Documentation]    Access and open sockets have ended, and no store has the user, what belongs to them or their message.
    [Arguments]    ${session}    ${sockets}    ${message}
    Access Should End    ${session}    delete_account
    Every Socket Should End    ${sockets}    delete_account
    Described Stores Should Not Hold User    ${session}
    Described Stores Should Not Hold Message    ${message}
