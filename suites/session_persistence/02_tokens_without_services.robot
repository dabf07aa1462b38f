*** Settings ***
Documentation       A token outlives the process that made it, with no service at all: all that verifies it is the public key, kept in a
...                 file, and a process that was not there when it was signed.
...                 Sources: RFC 7519 §4.1.4 (exp), RFC 7515 §5.2 (a signature is over the bytes as they came), RFC 9068.
Library             JWTLibrary
Suite Setup         Keys Are Kept In Files
Test Tags           session-persistence    p0    req:P02


*** Variables ***
&{WHO}      iss=https://auth.example    aud=lockstep-api    sub=5d0e8a2c    sid=77aa    jti=1    email=ünï@example.test


*** Test Cases ***
A Token Is Valid For A Process That Begins After It Was Made And Its Claims Are The Same
    [Tags]    id:P02-01    part:claims
    ${token} =    Make Token    ${WHO}    key=${FIRST}[key]    kid=first    lifetime=5 minutes
    ${read} =    Read Token    ${token}
    ${claims} =    Verify Token In Another Process    ${token}    ${FIRST}[jwks]    issuer=${WHO}[iss]    audience=${WHO}[aud]
    Claims Should Be Equal    ${claims}    ${read.claims}

A Token Of Yesterday's Process Expires When It Said
    [Documentation]    Good before its ``exp`` and expired after it, by processes that know nothing but the key.
    [Tags]    id:P02-02    part:expiry
    ${token} =    Make Token    ${WHO}    key=${FIRST}[key]    kid=first    lifetime=1 hour
    Verify Token In Another Process    ${token}    ${FIRST}[jwks]
    ${now} =    Get Time    epoch
    ${ended} =    Change Token    ${token}    key=${FIRST}[key]    exp=${now}
    Another Process Refuses    ${ended}    ${FIRST}[jwks]    it has expired*

A Token That Another Key Has Signed, Or That Was Altered, Is Refused By A Process That Begins Later
    [Tags]    id:P02-03    part:claims
    ${token} =    Make Token    ${WHO}    key=${FIRST}[key]    kid=first    lifetime=5 minutes
    ${tampered} =    Forge Token    ${token}    tampered claims
    ${foreign} =    Make Token    ${WHO}    key=${SECOND}[key]    kid=first    lifetime=5 minutes
    Another Process Refuses    ${tampered}    ${FIRST}[jwks]    its signature does not match*
    Another Process Refuses    ${foreign}    ${FIRST}[jwks]    its signature does not match*
    Another Process Refuses    ${token}    ${SECOND}[jwks]    its kid 'first' names no key*


*** Keywords ***
Keys Are Kept In Files
    [Documentation]    Two signing keys: sets ``FIRST`` and ``SECOND`` to the files of each.
    FOR    ${kid}    IN    first    second
        ${files} =    Make Signing Key    ${OUTPUT_DIR}/keys    ${kid}
        VAR    ${${kid}}    ${files}    scope=SUITE
    END

Another Process Refuses
    [Documentation]    A new process reads the keys from the file and says that this token is not valid, for this reason.
    [Arguments]    ${token}    ${jwks}    ${reason}
    Run Keyword And Expect Error    the token is not valid: ${reason}    Verify Token In Another Process    ${token}    ${jwks}
