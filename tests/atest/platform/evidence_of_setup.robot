*** Settings ***
Documentation       A suite setup that fails brings the services' log lines, once.
Library             RequestsLibrary
Library             PlatformLibrary
Suite Setup         Setup That Fails
Suite Teardown      Release Platform


*** Test Cases ***
First
    No Operation

Second
    No Operation


*** Keywords ***
Setup That Fails
    [Documentation]    Asks a service on behalf of the suite, and fails.
    Use Shared Platform
    VAR    &{headers}    X-Test-Id=Evidence Of Setup    Authorization=Bearer ${SERVICE_TOKEN.value}
    GET    ${BACKEND_URL}/api/me    headers=${headers}    expected_status=401
    Fail    on purpose
