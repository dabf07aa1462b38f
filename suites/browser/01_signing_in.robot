*** Settings ***
Documentation       A user signs in by hand through the provider's page, chats and signs out, in a real browser.
Resource            portable/tabs.resource
Suite Setup         Use Page Of Target
Suite Teardown      Leave Target
Test Teardown       Close Tabs
Test Tags           portable    p0    req:B01


*** Test Cases ***
A User Signs In Chats And Signs Out
    [Tags]    id:B01-01
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    Hello <b>there</b>
    Tab Should Be Signed In    ${tab}    ${user}
    Sign Out At Page    ${tab}
    Tab Should Be Signed Out    ${tab}
    Reload Page    ${tab}
    Tab Should Be Signed Out    ${tab}

No Script Of The Page Can Read A Secret
    [Tags]    id:B01-02
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    what scripts see
    Scripts Should See No Secret    ${tab}

Nothing Of A User Stays In The Page After Sign-out
    [Tags]    id:B01-03    req:B03
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    a text of their own
    Sign Out At Page    ${tab}
    Tab Should Be Signed Out    ${tab}
    Tab Should Hold Nothing Of    ${tab}    ${user}    a text of their own

A Sign-out Signs Out Every Tab
    [Tags]    id:B01-04    req:B02
    ${user} =    Register User
    ${tab} =    Open Tab
    Sign In At Page    ${tab}    ${user}
    ${second} =    Open Tab    beside=${tab}
    Tab Should Be Signed In    ${second}    ${user}
    Sign Out At Page    ${tab}
    Tab Should Be Signed Out    ${tab}
    Tab Should Be Signed Out    ${second}
