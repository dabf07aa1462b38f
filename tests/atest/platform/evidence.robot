*** Settings ***
Documentation       A failed test brings its services' log lines, a passed one does not.
Library             RequestsLibrary
Library             PlatformLibrary
Suite Setup         Use Shared Platform
Suite Teardown      Release Platform


*** Test Cases ***
It Fails
    VAR    &{headers}    X-Test-Id=Evidence.It Fails    Authorization=Bearer ${SERVICE_TOKEN.value}
    GET    ${BACKEND_URL}/api/me    headers=${headers}    expected_status=401
    Fail    on purpose

It Passes
    VAR    &{headers}    X-Test-Id=Evidence.It Passes
    GET    ${BACKEND_URL}/api/me    headers=${headers}    expected_status=401
