*** Settings ***
Documentation       Two users after one another in one browser while backend is away, and what the browser keeps of pages that were left.
...                 03_users has what holds on any platform.
Resource            tabs.resource
Suite Setup         Use Private Platform With Page    backends=2    proxies=client->frontend
Suite Teardown      Leave Platform With Page
Test Teardown       Restore Platform And Close Tabs
Test Tags           p0    req:B03    needs:platform.private    needs:control.kill    needs:net.faults


*** Test Cases ***
A Tab Without Socket Acts For No Other User
    [Tags]    id:B03-04
    ${first} =    Register User
    ${tab} =    Open Chat In New Tab    ${first}    stored for the first
    ${other} =    Open Tab Of User    ${tab}    ${first}
    Send While Backend Is Away    ${tab}    not yet sent
    Sign In Other User And Start Backends    ${other}
    Tab Should Have Left User    ${tab}    ${first}
    Tab Should Hold Nothing Of    ${tab}    ${first}    stored for the first    not yet sent
    Tab Should Have Sent Nothing With    ${tab}    not yet sent
    Message Should Not Be Stored    not yet sent

Unsent Text Waits For Its Writer
    [Tags]    id:B03-05
    ${first} =    Register User
    ${tab} =    Open Chat In New Tab    ${first}    stored for the first
    ${other} =    Open Tab Of User    ${tab}    ${first}
    Send While Backend Is Away    ${tab}    not yet sent
    Sign In Other User And Start Backends    ${other}
    Tab Should Be Signed Out    ${tab}
    Sign In At Page    ${tab}    ${first}
    Tab Should Show Messages    ${tab}    stored for the first    not yet sent

Unsent Text Stays Unseen By The Next User
    [Tags]    id:B03-08    proto:5.62
    ${first} =    Register User
    ${tab} =    Open Chat In New Tab    ${first}    stored for the first
    ${other} =    Open Tab Of User    ${tab}    ${first}
    Send While Backend Is Away    ${tab}    not yet sent
    Sign In Other User And Start Backends    ${other}
    Tab Should Be Signed Out    ${tab}
    Sign In New User In Tab    ${tab}
    Tab Should Hold Nothing Of    ${tab}    ${first}    stored for the first    not yet sent
    Tab Should Have Sent Nothing With    ${tab}    not yet sent

A Page Kept For Back Ends With Its Session
    [Tags]    id:B03-06
    ${first} =    Register User
    ${tab} =    Open Chat In New Tab    ${first}    of the first user
    ${other} =    Open Tab Of User    ${tab}    ${first}
    Leave Page    ${tab}
    Change User Of Browser    ${other}
    Go Back To Page    ${tab}
    Page Should Have Been Kept    ${tab}
    Tab Should Be Signed Out    ${tab}
    Tab Should Hold Nothing Of    ${tab}    ${first}    of the first user

A Reloaded Page Is Its User's Again
    [Tags]    id:B03-07
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before the reload
    Reload Page    ${tab}
    Tab Should Be Signed In    ${tab}    ${user}
    Tab Should Show Messages    ${tab}    before the reload


*** Keywords ***
Change User Of Browser
    [Documentation]    In a tab its user signs out, and another one in.
    [Arguments]    ${tab}
    Sign Out At Page    ${tab}
    Tab Should Be Signed Out    ${tab}
    ${second} =    Register User
    Sign In At Page    ${tab}    ${second}

Sign In New User In Tab
    [Documentation]    A user who has just registered signs in at the page of this tab, and sends a message from there.
    [Arguments]    ${tab}
    ${user} =    Register User
    Sign In At Page    ${tab}    ${user}
    Tab Should Be Signed In    ${tab}    ${user}
    Start Chat In Tab    ${tab}    of the new user

Message Should Not Be Stored
    [Documentation]    No user has stored a message with this text.
    [Arguments]    ${text}
    Should Be Stored    main    senders of a message that its writer could not send
    ...    SELECT sender FROM messages WHERE body = %s    ${text}
