*** Settings ***
Documentation       Says which platform it got; several of these run at once.
Library             PlatformLibrary
Library             OperatingSystem
Suite Setup         Use Shared Platform


*** Test Cases ***
One
    Append To File    ${SIGNAL}    ${PLATFORM_ID}${\n}
