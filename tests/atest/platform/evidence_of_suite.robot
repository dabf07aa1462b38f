*** Settings ***
Documentation       What a suite's setup or an earlier test has opened answers in their name.
Library             RequestsLibrary
Library             PlatformLibrary
Suite Setup         Use Shared Platform
Suite Teardown      Release Platform


*** Test Cases ***
It Fails
    Ask As    Evidence Of Suite    /api/conversations
    Ask As    Evidence Of Suite.Earlier Test    /api/preferences
    Ask As    Evidence Of Suite.It Fails    /api/me
    Ask As    Evidence Of Suites.It Fails    /api/notifications
    Fail    on purpose


*** Keywords ***
Ask As
    [Documentation]    A request in the name of this test or suite, which is refused.
    [Arguments]    ${test_id}    ${path}
    VAR    &{headers}    X-Test-Id=${test_id}    Authorization=Bearer ${SERVICE_TOKEN.value}
    GET    ${BACKEND_URL}${path}    headers=${headers}    expected_status=401
