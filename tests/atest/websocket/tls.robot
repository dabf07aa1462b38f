*** Settings ***
Documentation       Certificates are checked.
Library             WebSocketLibrary
Test Teardown       Close All Connections    within=1s


*** Variables ***
${URL}      wss://set.by.the.test
${CA}       set by the test


*** Test Cases ***
A Known Authority Is Trusted
    [Documentation]    PASS
    Open Connection    ${URL}/echo    ca_file=${CA}
    ${reply} =    Send And Wait    hello
    Should Be Equal    ${reply.text}    hello
    Drop Connection
    Handshake Should Be Refused    ${URL}/refuse/401    401    ca_file=${CA}
    Open Connections    ${URL}/echo    20    ca_file=${CA}
    Send On All    hello
    Collect On All

An Unknown Authority Is Not
    [Documentation]    FAIL No socket opened: the handshake with wss://* failed: *CERTIFICATE_VERIFY_FAILED*
    Open Connection    ${URL}/echo

An Unknown Authority Refuses Nobody
    [Documentation]    FAIL The handshake with wss://* should be refused with 401, but no HTTP answer came: *certificate verify failed*
    Handshake Should Be Refused    ${URL}/refuse/401    401

A Classic Suite May Look Away
    [Documentation]    PASS
    VAR    &{careless}    cert_reqs=${0}
    Connect    ${URL}/echo    sslopt=${careless}
    Send    hello
    ${text} =    Recv
    Should Be Equal    ${text}    hello
