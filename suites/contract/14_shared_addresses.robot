*** Settings ***
Documentation       One address may be that of many users: what one of them does wrong, or does again and again, takes nothing from the
...                 others. Anyone who is known answers for themselves, the address for those who are not.
...                 Sources: OWASP ASVS 5.0 6.3.1, OWASP API Security 4:2023, RFC 6598 (addresses shared by many); docs/protocol.md §3.2.
Library             DataFactory
Library             SessionLibrary
Library             QuotaLibrary
Resource            platform.resource
Resource            auth.resource
Resource            databases.resource
Resource            http.resource
Resource            socket.resource
Resource            sync.resource
Suite Setup         Open Private Platform    RATE_LIMIT=6    ADDRESS_RATE_LIMIT=10    LOGIN_FAILURE_LIMIT=3    RATE_WINDOW=600
...    FRONTEND_CREDENTIAL=${CREDENTIAL}
Suite Teardown      Leave Platform
Test Setup          Prepare Two Users Of One Address
Test Teardown       Close All Connections
Test Tags           contract    p1    req:C08.4    needs:ratelimit    needs:replicas.2    needs:session.admin


*** Variables ***
${CREDENTIAL}       frontend of shared addresses


*** Test Cases ***
Wrong Passwords Of One User Lock Out No Other
    [Tags]    id:CT-67    proto:3.2.10    sec:R05
    Prepare Two Users With Passwords
    Repeat Keyword    3 times    Login Should Be Answered    401    ${USER}    wrong-password
    Login Should Be Answered    429    ${USER}    ${USER.password}
    Login Should Be Answered    200    ${UNAFFECTED}    ${UNAFFECTED.password}

A Revoked Session Takes Nothing From Its Address
    [Tags]    id:CT-68    proto:3.2.05    proto:3.2.08    sec:R03
    [Template]    Refused Token Should Cost Others Nothing
    ${AUTH_URL}/users/me
    ${BACKEND_2_URL}/api/me
    ${PUBLIC_URL}/api/me

A Forged Token Takes Nothing From Its Address
    [Tags]    id:CT-69    proto:3.2.06    proto:3.2.07    proto:3.2.08    sec:R03
    Ask And Be Refused    13    ${BACKEND_URL}/api/me    eyJhbGciOiJFUzI1NiJ9.e30.AAAA
    Unaffected User Should Be Served

A User Over Their Quota Takes Nothing From Their Address
    [Tags]    id:CT-86    proto:3.2.02    sec:R01    sec:R03
    Ask And Be Refused    14    ${BACKEND_URL}/api/me    ${USER.access_token}
    Unaffected User Should Be Served

A Spent Refresh Token Takes Nothing From Its Address
    [Tags]    id:CT-87    proto:3.2.05    sec:O06
    VAR    &{body}    refresh_token=${USER.refresh_token.value}
    ${answers} =    Ask    13    ${AUTH_URL}/auth/refresh    source=${ADDRESS}    json=${body}
    Should Be Equal    ${{ $answers[-1].status }}    ${429}    the last of 13 refreshes with one token
    Unaffected User Should Be Served

Unauthenticated Requests Count For Their Address
    [Tags]    id:CT-88    proto:3.2.03    sec:R03
    ${answers} =    Ask    11    ${BACKEND_URL}/api/me    ${AUTH_URL}/auth/google    source=${ADDRESS}
    Should Be Equal    ${{ [answer.status for answer in $answers].count(429) }}    ${1}    of 11 requests without a token refused
    ${answers} =    Ask    1    ${AUTH_URL}/users/me    source=${ADDRESS}
    Should Be Equal    ${answers[0].status}    ${429}    a request without a token from an address whose quota is used up

The Last Forwarded Address Counts
    [Documentation]    What a client wrote in the header itself stands before what the proxy in front of auth has added.
    [Tags]    id:CT-372    proto:3.2.19    sec:R03
    FOR    ${number}    IN RANGE    10
        Request Of Frontend Should Be Answered    401    198.51.100.${number}, ${ADDRESS}
    END
    Request Of Frontend Should Be Answered    429    198.51.100.250, ${ADDRESS}
    Request Of Frontend Should Be Answered    401    ${ADDRESS}, 198.51.100.251


*** Keywords ***
Prepare Two Users Of One Address
    [Documentation]    Two users whom backend knows, and an address from which no request has come: sets ``USER``, ``UNAFFECTED`` and
    ...    ``ADDRESS``.
    ${users} =    Create Load Users    2    plan=standard
    Userbase Should Hold    ${users}
    VAR    ${USER}    ${users}[0]    scope=TEST
    VAR    ${UNAFFECTED}    ${users}[1]    scope=TEST
    ${address} =    Get Unused Address
    VAR    ${ADDRESS}    ${address}    scope=TEST

Prepare Two Users With Passwords
    [Documentation]    Two users who signed up: sets ``USER`` and ``UNAFFECTED``.
    ${one} =    Create User
    ${other} =    Create User
    VAR    ${USER}    ${one}    scope=TEST
    VAR    ${UNAFFECTED}    ${other}    scope=TEST

Refused Token Should Cost Others Nothing
    [Documentation]    The token of a session that was revoked comes again and again, until it is over a quota; no other user is.
    [Arguments]    ${url}
    ${session} =    Create Managed Session    ${USER.id}
    Revoke Session    ${session}
    Ask And Be Refused    13    ${url}    ${session.access_token}
    Unaffected User Should Be Served

Login Should Be Answered
    [Documentation]    A login of this user with this password, from the address, is answered with this status.
    [Arguments]    ${status: int}    ${user}    ${password}
    ${body} =    Make Request Body    email=${user.email}    password=${password}
    ${answers} =    Ask    1    ${AUTH_URL}/auth/login    source=${ADDRESS}    json=${body}
    Should Be Equal    ${answers[0].status}    ${status}    the status of a login as ${user.email}

Ask And Be Refused
    [Documentation]    So many requests with this token from the address, the last of which is over a quota.
    [Arguments]    ${count}    ${url}    ${token}
    ${answers} =    Ask    ${count}    ${url}    token=${token}    source=${ADDRESS}    ca_file=${CA_FILE}
    Should Be Equal    ${answers[-1].status}    ${429}    the last of ${count} requests to ${url} with a token that is refused

Request Of Frontend Should Be Answered
    [Documentation]    Auth answers a request without a token, which frontend sends on for these addresses, with this status.
    [Arguments]    ${status: int}    ${forwarded}
    VAR    &{headers}    X-Forwarded-For=${forwarded}    X-Frontend-Credential=${CREDENTIAL}
    ${answers} =    Ask    1    ${AUTH_URL}/users/me    headers=${headers}
    Should Be Equal    ${answers[0].status}    ${status}    the answer to a request for ${forwarded}

Unaffected User Should Be Served
    [Documentation]    From the same address the other user is served, signs in, and opens a page without a token.
    FOR    ${url}    IN    ${AUTH_URL}/users/me    ${BACKEND_URL}/api/me
        ${answers} =    Ask    1    ${url}    token=${UNAFFECTED.access_token}    source=${ADDRESS}
        Should Be Equal    ${answers[0].status}    ${200}    the answer of ${url} to an unaffected user at the same address
    END
    ${answers} =    Ask    1    ${BACKEND_URL}/api/capabilities    source=${ADDRESS}
    Should Be Equal    ${answers[0].status}    ${200}    the answer to a request without a token from the same address
