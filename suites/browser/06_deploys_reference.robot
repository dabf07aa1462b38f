*** Settings ***
Documentation       Services are replaced under open tabs, and sessions expire while nobody looks.
Resource            tabs.resource
Suite Setup         Use Private Platform With Page    backends=2    SESSION_IDLE=15    ACCESS_TTL=5
Suite Teardown      Leave Platform With Page
Test Teardown       Restore Platform And Close Tabs
Test Tags           p1    req:B06    needs:platform.private


*** Test Cases ***
Open Tabs Survive A Deploy
    [Tags]    id:B06-01    needs:control.restart
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${tabs} =    Open More Tabs    ${tab}    2
    FOR    ${instance}    IN    backend-1    backend-2    auth    frontend
        Restart Service Without Gap    ${instance}
        Send In Tab    ${tab}    while ${instance} is replaced
    END
    Every Tab Should Be Signed In    ${user}    @{tabs}
    Tab Should Show Messages    ${tab}    before    while backend-1 is replaced    while backend-2 is replaced
    ...    while auth is replaced    while frontend is replaced

A Session That Expired Leads To The Sign-in And Back
    [Tags]    id:B06-02
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Freeze Tab    ${tab}
    Session Should Have Expired    ${tab}
    Wake Tab    ${tab}
    Tab Should Be Signed Out    ${tab}
    Tab Should Hold Nothing Of    ${tab}    ${user}    before
    Sign In At Page    ${tab}    ${user}
    Tab Should Show Messages    ${tab}    before

Unfinished Sign-ins Lock No Browser Out
    [Tags]    id:B06-03    req:B01    proto:5.06
    ${user} =    Register User
    ${tab} =    Open Tab
    Begin Many Sign-ins    ${tab}    40
    Sign In At Page    ${tab}    ${user}
    Start Chat In Tab    ${tab}    after many unfinished sign-ins


*** Keywords ***
Session Should Have Expired
    [Documentation]    Waits until auth says that the session of the tab's user is over, as it is when nobody has used it for long.
    [Arguments]    ${tab}
    ${session} =    Get Session Of Tab    ${tab}
    Wait Until Keyword Succeeds    30s    200ms    Session Should Be Over    ${session}

Session Should Be Over
    [Documentation]    The session's idle time has passed.
    [Arguments]    ${session}
    Should Be Stored    auth    sessions that have not expired
    ...    SELECT id::text FROM sessions WHERE id = %s AND idle_expires_at > now()    ${session}

Get Session Of Tab
    [Documentation]    The id of the session that the tab's socket was welcomed in.
    [Arguments]    ${tab}
    ${frames} =    Get Frames Of Tab    ${tab}
    RETURN    ${frames}[0][payload][session_id]

Begin Many Sign-ins
    [Documentation]    So many sign-ins are begun in a tab and never ended; the tab shows the page again.
    [Arguments]    ${tab}    ${count: int}
    FOR    ${_}    IN RANGE    ${count}
        Go To Path In Tab    ${tab}    /login
    END
    Go To Path In Tab    ${tab}    /
