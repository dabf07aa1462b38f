*** Settings ***
Documentation       Tokens that are longer than any, and tokens of keys that nobody has, cost the services little.
...                 Sources: RFC 8725 (JWT best practice), OWASP ASVS 5.0 9.1.1 to 9.2.3; docs/protocol.md §2.3.
Resource            outage.resource
Resource            security.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Close All Connections
Test Tags           security    p0    req:X02    needs:ws    needs:db.auth


*** Variables ***
${KEY_SET}      /.well-known/jwks.json


*** Test Cases ***
An Oversized Token Is Refused Everywhere At Once
    [Documentation]    Longer than a token may be, and shorter than what an HTTP server refuses to read.
    [Tags]    id:SE-29    proto:2.3.11    sec:J09    needs:jwt.signing_key
    ${long} =    Change Token    ${ACCESS_TOKEN}    filler=${{ 'A' * 6600 }}
    Long Token Should Be Refused In Time    auth    /users/me    ${long}
    Long Token Should Be Refused In Time    backend    /api/me    ${long}
    ${deep} =    Forge From My Token    deep json
    Long Token Should Be Refused In Time    auth    /users/me    ${deep}
    Long Token Should Be Refused In Time    backend    /api/me    ${deep}
    Socket Handshake Should Be Refused With    401    ${deep}    ${BACKEND_SOCKET_URL}    token_invalid
    Socket Handshake Should Be Refused With    401    ${long}    ${SOCKET_URL}    token_invalid

Unknown Keys Cause One Key Request A Second
    [Tags]    id:SE-33    proto:2.3.10    sec:J05
    ${token} =    Forge From My Token    unknown kid
    Start Probe    unknown key    ${BACKEND_URL}/api/me    ${token}    every=20ms    refused=401
    Wait For Probe Answers    100    within=60s
    ${report} =    Stop Probe    unknown key
    Every Answer Should Be    ${report}    401
    ${log} =    Read Log Of Auth
    ${asked} =    Read Lines Of Request    ${log}    ${TEST_NAME}    ${KEY_SET}
    Key Fetches Should Be Few    ${{ len($asked.splitlines()) }}    ${{ $report.answers[-1].answered - $report.answers[0].sent }}

Introspection Names Roles As They Are Now
    [Tags]    id:SE-90    sec:J07    needs:session.admin    proto:2.4.36
    Patch At    auth    /admin/users/${USER.id}    ${{ {'roles': ['user', 'admin'], 'plan': 'bulk'} }}    ${SERVICE_TOKEN}
    ${again} =    Log In Again    ${USER}
    Introspection Should Name    ${again.access_token}    ['admin', 'user']    bulk
    Patch At    auth    /admin/users/${USER.id}    ${{ {'roles': ['user'], 'plan': 'standard'} }}    ${SERVICE_TOKEN}
    Introspection Should Name    ${again.access_token}    ['user']    standard

Clocks May Differ By Two Seconds And No More
    [Documentation]    A token that begins, or was made, 1.5 s from now is good; one of 4 s is refused while more than two are left.
    [Tags]    id:SE-66    proto:2.3.03    sec:J06    needs:jwt.signing_key
    FOR    ${claim}    IN    nbf    iat
        ${token} =    Make Token Of Later    ${claim}    1.5
        Every Endpoint Should Answer Token    ${token}
        Every Endpoint Should Refuse Token Of Later    ${claim}    4
    END

A List Of Audiences Is Refused
    [Documentation]    Even where the own one is on it: what is meant for others too may be shown here by them.
    [Tags]    id:SE-67    proto:2.3.40    sec:J07    needs:jwt.signing_key
    ${token} =    Change Token    ${ACCESS_TOKEN}    aud=${{ [$AUDIENCE, 'partner-api'] }}
    Every Service Should Refuse Token    ${token}    token_invalid

A Token Has One Spelling
    [Documentation]    What decodes to the same bytes is not the same token: padded, with a line's end, or with other unused last bits.
    [Tags]    id:SE-95    proto:2.3.12    sec:J09
    VAR    ${token}    ${ACCESS_TOKEN.value}
    Open Chat Socket
    VAR    ${last_bits}    ${{ $token[:-1] + chr(ord($token[-1]) + 1) }}
    VAR    ${lines}    ${{ '.\\n'.join($token.split('.')) }}
    FOR    ${other}    IN    ${token}\=\=    ${token.replace('.', '=.')}    ${token}\n    ${lines}    ${last_bits}
        Token Should Be Refused At Auth And Backend    ${other}
    END


*** Keywords ***
Token Should Be Refused At Auth And Backend
    [Documentation]    In an introspection, where any text may be sent, the token is inactive; as a socket's next token it is refused.
    [Arguments]    ${token}
    ${form} =    Make Request Body    token=${token}
    ${answer} =    Post Form To    auth    /auth/introspect    ${form}    ${SERVICE_TOKEN}
    Should Be Equal    ${answer.json()}    ${{ {'active': False} }}    introspection of a token in another spelling
    Socket Should Answer With Error    socket    reauth    token_invalid    token=${token}

Introspection Should Name
    [Documentation]    Auth calls this token active, with these roles and this plan.
    [Arguments]    ${token}    ${roles}    ${plan}
    ${form} =    Make Request Body    token=${token}
    ${answer} =    Post Form To    auth    /auth/introspect    ${form}    ${SERVICE_TOKEN}
    VAR    ${reported}    ${{ (sorted($answer.json()['roles']), $answer.json()['plan']) }}
    Should Be Equal    ${reported}    ${{ (${roles}, $plan) }}    the roles and the plan that introspection names

Key Fetches Should Be Few
    [Documentation]    Each of the two replicas asks once a second at most: so many times in so many seconds.
    [Arguments]    ${fetches}    ${seconds}
    VAR    ${most}    ${{ 2 * ($seconds + 1) }}
    Should Be True    0 < ${fetches} <= ${most}
    ...    tokens of unknown keys made the replicas ask auth for its keys ${{ int($fetches) }} times in ${{ round($seconds, 1) }} s

Long Token Should Be Refused In Time
    [Documentation]    As `Service Should Refuse Token`, as invalid, within a second.
    [Arguments]    ${service}    ${path}    ${token}
    ${response} =    Service Should Refuse Token    ${service}    ${path}    ${token}    token_invalid
    Value Should Be Within Budget    refusal of a long token by ${service}    ${response.elapsed.total_seconds()}    1s

Make Token Of Later
    [Documentation]    The current token, honestly signed, whose ``nbf`` or ``iat`` lies so many seconds ahead.
    [Arguments]    ${claim}    ${seconds: float}
    VAR    &{change}    ${claim}=${{ time.time() + $seconds }}
    ${token} =    Change Token    ${ACCESS_TOKEN}    &{change}
    RETURN    ${token}

Every Endpoint Should Answer Token
    [Documentation]    Auth, both replicas and frontend answer 200 at one instant.
    [Arguments]    ${token}
    ${statuses} =    Get Statuses Everywhere    ${token}
    Should Be Equal    ${statuses}    ${{ [200] * 4 }}    a token that begins 1.5 s ahead is answered otherwise than one of now

Every Endpoint Should Refuse Token Of Later
    [Documentation]    Auth, both replicas and frontend refuse a token of so many seconds ahead while it is more than two; no verdict where
    ...    the answers came later than that.
    [Arguments]    ${claim}    ${seconds: float}
    ${token} =    Make Token Of Later    ${claim}    ${seconds}
    VAR    ${until}    ${{ time.time() + $seconds - 2.1 }}
    ${statuses} =    Get Statuses Everywhere    ${token}
    IF    $statuses == [401] * 4    RETURN
    IF    time.time() > $until    End Without Verdict    the answers came when the token had begun: ${statuses}
    Fail    a token whose ${claim} is ${seconds} s ahead is answered with ${statuses}

Get Statuses Everywhere
    [Documentation]    The statuses of auth, both replicas and frontend for a token, asked at one instant.
    [Arguments]    ${token}
    VAR    @{urls}    ${AUTH_URL}/users/me    ${BACKEND_URL}/api/me    ${BACKEND_2_URL}/api/me    ${PUBLIC_URL}/api/me
    VAR    @{requests}    @{EMPTY}
    FOR    ${url}    IN    @{urls}
        VAR    &{request}    url=${url}    token=${token}
        VAR    @{requests}    @{requests}    ${request}
    END
    ${replies} =    Send At Once    ${requests}    ca_file=${CA_FILE}
    RETURN    ${{ [reply.status for reply in $replies] }}
