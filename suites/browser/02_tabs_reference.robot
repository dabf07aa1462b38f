*** Settings ***
Documentation       How soon tabs are at work.
...                 02_tabs has what holds on any platform.
Library             BudgetLibrary
Resource            tabs.resource
Suite Setup         Use Page Of Target
Suite Teardown      Leave Target
Test Teardown       Close Tabs
Test Tags           p1    req:B02


*** Test Cases ***
Five Tabs Are Signed In And Talking Within Five Seconds
    [Tags]    id:B02-09
    ${user} =    Register User
    Start Budget    five tabs signed in and talking
    ${tabs} =    Open Chats In New Tabs    ${user}    5
    Budget Should Hold    five tabs signed in and talking
    Length Should Be    ${tabs}    5
