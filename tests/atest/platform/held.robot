*** Settings ***
Documentation       A robot that holds a platform for as long as it lives.
Library             PlatformLibrary
Library             OperatingSystem
Suite Setup         Use Private Platform


*** Test Cases ***
Hold On
    Create File    ${SIGNAL}    ${PLATFORM_ID}
    Wait Until Removed    ${SIGNAL}    timeout=10min
