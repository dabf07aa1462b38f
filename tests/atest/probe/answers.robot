*** Settings ***
Documentation       Each test's documentation is its declared verdict. The platform knows one token, until Sign Out.
Library             ProbeLibrary


*** Test Cases ***
A Good Answer Is Told
    [Documentation]    FAIL * was available for 0.000 % of * requests, not 99.0 %; its failures: 401 (+0.00 s)*
    Start Probe    me    ${URL}    token=wrong    every=5ms    good=200    refused=[401, 403]
    Wait For Probe Answers    4
    ${report} =    Stop Probe    me
    Every Answer Should Be    ${report}    4xx
    Should Be Equal    ${{ len($report.refusals) }}    ${{ len($report.answers) }}
    Availability Should Be At Least    ${report}    99

A Message Is Posted Again And Again
    [Documentation]    PASS
    VAR    &{form}    room=r1    text=hello
    Start Probe    post    ${URL}    token=${TOKEN}    every=5ms    method=POST    form=${form}    good=2xx
    Wait For Probe Answers    3
    ${report} =    Stop Probe    post
    Availability Should Be At Least    ${report}    100

A Credential That Lives On Is Found
    [Documentation]    FAIL * honoured the credential until * s or longer after, not 0.1 s
    Credential Should Be Dead Within    100ms    ${TOKEN}    ${URL}    No Operation    refused=401    longer=200ms

What Was Never Honoured Is Not Judged
    [Documentation]    FAIL UNKNOWN: the credential was not honoured before 'No Operation' was to end it: * the last 401
    Credential Should Be Dead Within    1s    wrong    ${URL}    No Operation    refused=401

An Answer That Is None Is Refused
    [Documentation]    FAIL ValueError: refused: status: an HTTP status such as 404 or 4xx is needed, not 'no'
    Credential Should Be Dead Within    1s    ${TOKEN}    ${URL}    refused=no

A Credential Dies In Time
    [Documentation]    PASS
    ${honoured} =    Credential Should Be Dead Within    5s    ${TOKEN}    ${URL}    Sign Out
    Should Be Equal    ${honoured}    ${0.0}


*** Keywords ***
Sign Out
    VAR    &{request}    method=DELETE    url=${URL}sign-out    token=${TOKEN}
    ${replies} =    Send At Once    ${{ [$request] }}
    Should Be Equal    ${{ $replies[0].status }}    ${200}
