*** Settings ***
Documentation       What the target does not offer is NA, with the reason, and no setup runs for it.
Library             PlatformLibrary
Suite Setup         Log    the setup of the suite ran
Test Setup          Log    the setup of ${TEST_NAME} ran


*** Test Cases ***
Undeclared
    [Tags]    needs:control.kill
    Fail    This must not run

Declared But Missing
    [Tags]    needs:redis
    Fail    This must not run

Offered
    [Tags]    needs:ws
    No Operation

Mistyped
    [Tags]    needs:contrl.kill
    No Operation
