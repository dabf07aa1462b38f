*** Settings ***
Documentation       What is drawn without any service: each test leaves its values as its message.
Library             DataFactory


*** Test Cases ***
One
    Draw Values

Two
    Draw Values

Without A Platform
    Create User


*** Keywords ***
Draw Values
    [Documentation]    Leaves what was drawn as the test's message.
    ${id} =    Get Random UUID
    ${texts} =    Get Random Messages    3
    ${ids} =    List Forged Ids
    ${seed} =    Get Seed
    Set Test Message    ${seed} ${id} ${texts} ${ids}[0]
