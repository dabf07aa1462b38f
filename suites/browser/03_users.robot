*** Settings ***
Documentation       Two users after one another in one browser: nothing of the first is shown to, sent as, or acknowledged for the second.
Resource            portable/tabs.resource
Suite Setup         Use Page Of Target
Suite Teardown      Leave Target
Test Teardown       Close Tabs
Test Tags           portable    p0    req:B03


*** Test Cases ***
A Signed-out Tab Opens No Socket For The Next User
    [Tags]    id:B03-01
    ${first} =    Register User
    ${tab} =    Open Chat In New Tab    ${first}    of the first user
    Sign Out At Page    ${tab}
    Tab Should Be Signed Out    ${tab}
    ${count} =    Count Sockets Of Tab    ${tab}
    ${other} =    Sign In Next User    ${tab}
    Send Tab Online    ${tab}
    Start Chat In Tab    ${other}    of the second user
    Tab Should Have Opened Sockets    ${tab}    ${count}
    Tab Should Hold Nothing Of    ${tab}    ${SECOND USER}    of the second user

A Tab Leaves Its User When Another Signs In
    [Tags]    id:B03-02
    ${first} =    Register User
    ${tab} =    Open Tab
    ${other} =    Open Tab    beside=${tab}
    Sign In At Page    ${tab}    ${first}
    Start Chat In Tab    ${tab}    of the first user
    Sign In Next User In Tab    ${other}
    Start Chat In Tab    ${other}    of the second user
    Tab Should Have Left User    ${tab}    ${first}
    Tab Should Hold Nothing Of    ${tab}    ${first}    of the first user
    Tab Should Be Signed In    ${other}    ${SECOND USER}

A Page Shown Again By Back Leaves The Earlier User
    [Tags]    id:B03-03
    ${first} =    Register User
    ${tab} =    Open Chat In New Tab    ${first}    of the first user
    Leave Page    ${tab}
    ${other} =    Open Tab Of User    ${tab}    ${first}
    Sign Out At Page    ${other}
    Tab Should Be Signed Out    ${other}
    Sign In Next User In Tab    ${other}
    Go Back To Page    ${tab}
    Tab Should Have Left User    ${tab}    ${first}
    Tab Should Hold Nothing Of    ${tab}    ${first}    of the first user


*** Keywords ***
Sign In Next User
    [Documentation]    Another user signs in by hand in a new tab beside this one, which is returned: sets ``SECOND USER``.
    [Arguments]    ${beside}
    ${tab} =    Open Tab    beside=${beside}
    Sign In Next User In Tab    ${tab}
    RETURN    ${tab}
