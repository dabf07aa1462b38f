*** Settings ***
Documentation       Each test's documentation is its declared verdict. The server lets three requests pass in a second.
Library             QuotaLibrary


*** Test Cases ***
A Quota Is Judged By What The Platform Has
    [Documentation]    PASS
    ${answers} =    Ask    5    ${URL}
    Exactly Should Pass    ${answers}    3    fields=x-ratelimit    code=${None}
    Exactly Should Pass    ${answers}    3    fields=none    code=${None}
    Quota Should Count Down    ${answers}    x-ratelimit    limit=3    window=1

A Client That Waits As Asked Is Served
    [Documentation]    PASS
    ${waited} =    Promised Wait Should Suffice    ${URL}    8    fields=none    code=${None}
    Should Be True    0 < ${waited} < 2

A Form That The Platform Has Not Is Missed
    [Documentation]    FAIL a refusal names no quota that is used up: *
    Promised Wait Should Suffice    ${URL}    8    code=${None}

Unknown Fields Are Refused
    [Documentation]    FAIL ValueError: Argument 'fields' got value 'ietf' that cannot be converted to 'draft10', 'x-ratelimit' or 'none'.
    Promised Wait Should Suffice    ${URL}    8    fields=ietf
