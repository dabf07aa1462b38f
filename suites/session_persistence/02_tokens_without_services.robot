*** Settings ***
Documentation       A token of the platform outlives the process that made it: all that verifies it is the platform's public keys, kept in
...                 a file, and a process that was not there when it was signed and asks no service.
...                 Sources: RFC 7519 §4.1.4 (exp), RFC 7515 §5.2 (a signature is over the bytes as they came), RFC 9068.
Library             OperatingSystem
Resource            platform.resource
Resource            auth.resource
Suite Setup         Keep Keys In Files
Suite Teardown      Leave Platform
Test Tags           session-persistence    p0    req:P02


*** Test Cases ***
A Later Process Reads The Same Claims
    [Tags]    id:P02-01    part:claims
    Sign In New User
    ${read} =    Read Token    ${ACCESS_TOKEN}
    ${claims} =    Verify Token In Another Process    ${ACCESS_TOKEN}    ${KEYS}    issuer=${ISSUER}    audience=${AUDIENCE}
    Claims Should Be Equal    ${claims}    ${read.claims}
    Should Be Equal    ${claims}[sub]    ${USER.id}    the token is for another user

A Later Process Refuses An Expired Token
    [Documentation]    Good before its ``exp`` and expired after it, by processes that know nothing but the keys.
    [Tags]    id:P02-02    part:expiry    needs:jwt.short_lived
    Sign In New User For Seconds
    Run While Token Lives    Verify Token In Another Process    ${ACCESS_TOKEN}    ${KEYS}
    Wait Until Access Token Has Expired
    Another Process Should Refuse    ${ACCESS_TOKEN}    ${KEYS}    it has expired*

A Later Process Refuses Altered And Foreign Tokens
    [Tags]    id:P02-03    part:claims
    Sign In New User
    ${tampered} =    Forge Token    ${ACCESS_TOKEN}    tampered claims
    ${read} =    Read Token    ${ACCESS_TOKEN}
    ${foreign} =    Make Token    ${read.claims}    key=${OTHER}[key]    kid=${read.header}[kid]
    Another Process Should Refuse    ${tampered}    ${KEYS}    its signature does not match*
    Another Process Should Refuse    ${foreign}    ${KEYS}    its signature does not match*
    Another Process Should Refuse    ${ACCESS_TOKEN}    ${OTHER}[jwks]    its kid * names no key*


*** Keywords ***
Keep Keys In Files
    [Documentation]    Sets ``KEYS`` to a file with the public keys of the platform, and ``OTHER`` to those of a key that it does not know.
    Open Shared Platform
    ${response} =    Get From    auth    /.well-known/jwks.json
    VAR    ${KEYS}    ${OUTPUT_DIR}/keys/platform.json    scope=SUITE
    Create File    ${KEYS}    ${response.text}
    ${other} =    Make Signing Key    ${OUTPUT_DIR}/keys    other
    VAR    ${OTHER}    ${other}    scope=SUITE

Another Process Should Refuse
    [Documentation]    A new process reads the keys from the file and reports that this token is not valid, for this reason.
    [Arguments]    ${token}    ${jwks}    ${reason}
    Run Keyword And Expect Error    the token is not valid: ${reason}    Verify Token In Another Process    ${token}    ${jwks}

Wait Until Access Token Has Expired
    [Documentation]    Waits until the clock has passed the token's own ``exp``.
    Wait Until Token Has Expired    ${ACCESS_TOKEN}
