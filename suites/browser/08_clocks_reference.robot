*** Settings ***
Documentation       The clock of the browser steps by hours under an open page.
...                 Sources: RFC 6265 §4.1.2.2 (Max-Age counts from when the cookie came, by the browser's clock); docs/protocol.md §5.
Resource            tabs.resource
Suite Setup         Use Private Platform With Page    backends=2    proxies=client->frontend
Suite Teardown      Leave Platform With Page
Test Teardown       Restore Platform And Close Tabs
Test Tags           p1    req:K04    needs:platform.private    needs:net.faults


*** Test Cases ***
A Clock Set Back Hides No Dead Connection
    [Documentation]    The page counts by what never steps; the login stays.
    [Tags]    id:K04-09
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Change Clock Of Tab    ${tab}    -5 hours
    Silence Connection    client->frontend
    Tab Should Report Lost Connection    ${tab}    within=25s
    Heal Connection    client->frontend
    Tab Should Be Connected    ${tab}
    Reload Page    ${tab}
    Tab Should Be Signed In    ${tab}    ${user}
    Tab Should Show Messages    ${tab}    before

A Clock Set Ahead Costs The Login Alone
    [Documentation]    The browser has dropped the cookies; who signs in again finds what was sent, before the step and after.
    [Tags]    id:K04-10    proto:5.65
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Change Clock Of Tab    ${tab}    5 hours
    Send In Tab    ${tab}    after
    Tab Should Show Messages    ${tab}    before    after
    Reload Page    ${tab}
    Tab Should Be Signed Out    ${tab}
    Sign In At Page    ${tab}    ${user}
    Tab Should Show Messages    ${tab}    before    after
