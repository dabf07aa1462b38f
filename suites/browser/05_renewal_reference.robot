*** Settings ***
Documentation       Access tokens live for seconds, and tabs renew them: many at once, with one frozen or without answer, with auth away or
...                 frontend replaced meanwhile. No user is signed out by it.
Resource            tabs.resource
Suite Setup         Use Private Platform With Page    backends=2    proxies=frontend->auth    ACCESS_TTL=6
Suite Teardown      Leave Platform With Page
Test Teardown       Restore Platform And Close Tabs
Test Tags           p0    req:B05    needs:platform.private    needs:net.faults


*** Test Cases ***
Five Tabs Renew At Once And Go On
    [Tags]    id:B05-01
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${tabs} =    Open More Tabs    ${tab}    4
    Every Tab Should Renew    @{tabs}
    Every Tab Should Renew    @{tabs}
    Send In Tab    ${tab}    after
    Tab Should Show Messages    ${tab}    before    after

A Tab Without Answer Keeps No Other From Renewing
    [Tags]    id:B05-02
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${other} =    Open Tab Of User    ${tab}    ${user}
    Hold Renewal Of Tab    ${tab}
    Every Tab Should Renew    ${other}
    ${new} =    Open Tab    beside=${tab}
    Tab Should Be Signed In    ${new}    ${user}

A Frozen Tab Keeps No Other From Renewing
    [Tags]    id:B05-03
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${other} =    Open Tab Of User    ${tab}    ${user}
    Hold Renewal Of Tab    ${tab}
    Freeze Tab    ${tab}
    Every Tab Should Renew    ${other}
    Release Requests Of Tab    ${tab}
    Wake Tab    ${tab}
    Tab Should Be Connected    ${tab}
    Tab Should Be Signed In    ${other}    ${user}

A Lost Answer To A Renewal Signs Out No Tab
    [Tags]    id:B05-04    proto:5.22
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${tabs} =    Open More Tabs    ${tab}    1
    FOR    ${each}    IN    @{tabs}
        Drop Answer To Tab    ${each}    **/session/refresh
    END
    Every Tab Should Renew    @{tabs}
    Every Tab Should Be Signed In    ${user}    @{tabs}
    Send In Tab    ${tab}    after
    Tab Should Show Messages    ${tab}    before    after

A Pause Of Auth Signs Out No Tab That Renews
    [Tags]    id:B05-05    needs:control.pause
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${tabs} =    Open More Tabs    ${tab}    1
    Pause Service    auth
    Tab Should Report Lost Connection    ${tab}
    Wait For Failed Renewal    ${tab}
    Resume Service    auth
    Every Tab Should Be Signed In    ${user}    @{tabs}

A Replaced Frontend Signs Out No Tab That Renews
    [Tags]    id:B05-06    req:B06    needs:control.restart
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${tabs} =    Open More Tabs    ${tab}    2
    FOR    ${_}    IN RANGE    3
        Restart Service Without Gap    frontend
        Every Tab Should Renew    @{tabs}
    END
    Every Tab Should Be Signed In    ${user}    @{tabs}


*** Keywords ***
Wait For Failed Renewal
    [Documentation]    Until a renewal of the tab was answered with a failure of the service.
    [Arguments]    ${tab}
    Tab Should Have Been Answered    ${tab}    /session/refresh    503
