*** Settings ***
Documentation       Nothing here can be checked where control is missing: no platform is started.
Library             PlatformLibrary
Suite Setup         Use Private Platform


*** Test Cases ***
Kill
    [Tags]    needs:control.kill
    Kill Service    auth

Pause
    [Tags]    needs:control.pause
    Pause Service    auth
