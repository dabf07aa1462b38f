*** Settings ***
Documentation       Back and forward, a tab that sleeps, clocks that are wrong: the page shows what was missed, and loses nothing.
Resource            portable/tabs.resource
Suite Setup         Use Page Of Target
Suite Teardown      Leave Target
Test Teardown       Close Tabs
Test Tags           portable    p1    req:B04


*** Test Cases ***
A Page Shown Again By Back Has What It Missed
    [Tags]    id:B04-01
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${other} =    Open Tab    beside=${tab}
    Open Conversation In Tab    ${other}
    Leave Page    ${tab}
    Send In Tab    ${other}    meanwhile
    Go Back To Page    ${tab}
    Tab Should Show Messages    ${tab}    before    meanwhile
    Send In Tab    ${tab}    after
    Tab Should Show Messages    ${other}    before    meanwhile    after

A Tab That Was Frozen Has What It Missed
    [Tags]    id:B04-02
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${other} =    Open Tab    beside=${tab}
    Open Conversation In Tab    ${other}
    Freeze Tab    ${tab}
    Send In Tab    ${other}    meanwhile
    Tab Should Show Messages    ${other}    before    meanwhile
    Wake Tab    ${tab}
    Tab Should Show Messages    ${tab}    before    meanwhile

A Wrong Clock Of The Browser Changes Nothing
    [Tags]    id:B04-03    req:K04
    [Template]    Open Chat With Wrong Clock
    5 hours
    -5 hours


*** Keywords ***
Open Chat With Wrong Clock
    [Documentation]    A new user signs in and chats in a browser whose clock is wrong by so much, and goes on after the page is reloaded.
    [Arguments]    ${clock}
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    at another time    clock=${clock}
    Reload Page    ${tab}
    Tab Should Be Signed In    ${tab}    ${user}
    Tab Should Show Messages    ${tab}    at another time
