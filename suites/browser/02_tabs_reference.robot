*** Settings ***
Documentation       How soon tabs are at work, and which client of the platform each of them is.
...                 02_tabs has what holds on any platform.
Library             BudgetLibrary
Resource            tabs.resource
Suite Setup         Use Page Of Target
Suite Teardown      Leave Target
Test Teardown       Close Tabs
Test Tags           p1    req:B02


*** Test Cases ***
Five Tabs Are Signed In And Talking Within Five Seconds
    [Tags]    id:B02-09    runs:last
    ${user} =    Register User
    Start Budget    five tabs signed in and talking
    ${tabs} =    Open Chats In New Tabs    ${user}    5
    Budget Should Hold    five tabs signed in and talking
    Length Should Be    ${tabs}    5

A Reloaded Tab Is The Same Client
    [Tags]    id:B02-10    proto:4.17
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    ${sockets} =    Count Sockets Of Tab    ${tab}
    Reload Page    ${tab}
    Tab Should Open Another Socket    ${tab}    ${sockets}
    Tab Should Be Connected    ${tab}
    Tab Should Have Been Clients    ${tab}    1


*** Keywords ***
Tab Should Have Been Clients
    [Documentation]    All sockets of the tab together have been so many clients of the platform.
    [Arguments]    ${tab}    ${count: int}
    ${frames} =    Get Frames Of Tab    ${tab}
    VAR    ${clients}    ${{ {frame['payload']['client_id'] for frame in $frames if frame['type'] == 'welcome'} }}
    Length Should Be    ${clients}    ${count}    the clients that one tab has been: ${clients}
