*** Settings ***
Documentation       A user, an address and a socket have one quota each, the same at every endpoint; a refusal says when it ends, and ends
...                 then; who floods is throttled, and no other user notices. Sources: RFC 6585 §4 (429), RFC 9110 §10.2.3 (Retry-After),
...                 draft-ietf-httpapi-ratelimit-headers-10, RFC 6455 §7.4.2 (close codes).
Resource            quotas.resource
Suite Setup         Open Platform With Small Quotas    ${USER_LIMIT}    ${ADDRESS_LIMIT}    ${SOCKET_LIMIT}    ${WINDOW}    ${FAILURE_LIMIT}
Suite Teardown      Leave Platform
Test Teardown       Close All Connections
Test Tags           critical    p1    needs:ratelimit    needs:replicas.2    needs:session.admin


*** Variables ***
${USER_LIMIT}       ${8}
${ADDRESS_LIMIT}    ${16}
${SOCKET_LIMIT}     ${8}
${WINDOW}           ${2}
${FAILURE_LIMIT}    ${3}


*** Test Cases ***
A User Has One Quota At Endpoints And Sockets
    [Tags]    id:C08-02    req:C08.1    proto:3.2.11    sec:R03    needs:ws
    Run In One Window    User Quota Should Hold At Endpoints And Socket    ${USER_LIMIT}

Sockets And Endpoints Share The Quota
    [Tags]    id:C08-03    req:C08.1    proto:3.2.11    sec:R03    needs:ws
    Run In One Window    Socket And Endpoints Should Share Quota    ${USER_LIMIT}

Claims About An Address Change Nothing
    [Tags]    id:C08-04    req:C08.1    proto:3.2.18    proto:3.2.19    proto:5.52    proto:5.53    sec:R03
    Run In One Window    Address Quota Should Ignore Claims    ${ADDRESS_LIMIT}

Logins Are Counted Against Their Address
    [Tags]    id:C08-09    req:C08.1    req:C08.3    sec:R05
    Run In One Window    Password Should Be Counted Against Address

Flooding Addresses Are Throttled And Harm No User
    [Documentation]    How long an unaffected user waits is measured by how long another one waits, at the same time, at a platform where
    ...    nobody floods, beside as many load users who ask.
    [Tags]    id:C08-10    req:C08.4    runs:last    proto:3.2.03    sec:R04    robot:continue-on-failure
    ${attackers} =    Get Attackers    0    3
    ${floods} =    Flood Beside Load Users    ${attackers}
    Other Users Should Wait No Longer
    Flood Should Be Throttled    ${floods}    ${ADDRESS_LIMIT}    ${WINDOW}s    @{OPEN_ENDPOINTS}
    Every User Should Be Served Again    ${attackers}    ${floods}

Flooding Sockets Are Throttled And Harm No User
    [Documentation]    As `Flooding Addresses Are Throttled And Harm No User`, by handshakes, messages and answers that nobody reads.
    [Tags]    id:C08-12    req:C08.4    runs:last    sec:R04    sec:W07    needs:ws    robot:continue-on-failure
    ${attackers} =    Get Socket Attackers
    ${floods} =    Flood Beside Load Users    ${attackers}
    Other Users Should Wait No Longer
    Socket Flood Should Be Throttled    ${floods}


*** Keywords ***
Open Platform With Small Quotas
    [Documentation]    A private platform with these quotas, and so many failed logins, in each window; the plan ``bulk`` has none.
    [Arguments]    ${user}    ${address}    ${socket}    ${window}    ${failures}
    Open Private Platform    RATE_LIMIT=${user}    ADDRESS_RATE_LIMIT=${address}    SOCKET_RATE_LIMIT=${socket}    RATE_WINDOW=${window}
    ...    LOGIN_FAILURE_LIMIT=${failures}    ADDRESS_LOGIN_FAILURE_LIMIT=${failures}
    Remember Endpoints

User Quota Should Hold At Endpoints And Socket
    [Documentation]    When so many requests of a user have passed at the endpoints together, they can open no socket either.
    [Arguments]    ${limit}
    User Quota Should Hold At    ${limit}    @{ENDPOINTS}
    Socket Handshake Should Be Refused With    429    url=${BACKEND_2_SOCKET_URL}    code=rate_limited
    Socket Handshake Should Be Refused With    429    url=${SOCKET_URL}    code=rate_limited

Socket And Endpoints Should Share Quota
    [Documentation]    A conversation, a handshake and three messages: five of the quota; when the endpoints have the rest, messages are
    ...    refused.
    [Arguments]    ${limit}
    Start Conversation
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Send Chat Message    one
    Send Chat Message    two
    Send Chat Message    three
    Next Answer Should Leave    ${ENDPOINTS}[2]    ${limit - 6}
    Fill Quota    ${ENDPOINTS}[0]    ${limit}
    Next Messages Should Be Refused

Address Quota Should Ignore Claims
    [Documentation]    With header fields that claim another address, or frontend's credential, exactly so many requests from one address
    ...    pass at all endpoints together, and the address that was claimed has its quota whole.
    [Arguments]    ${limit}
    ${source} =    Get Unused Address
    ${claimed} =    Get Unused Address
    VAR    &{headers}    X-Forwarded-For=${claimed}    Forwarded=for=${claimed}    X-Real-IP=${claimed}
    ...    X-Frontend-Credential=let-me-in
    ${answers} =    Ask    ${limit + 3}    @{OPEN_ENDPOINTS}    source=${source}    headers=${headers}    ca_file=${CA_FILE}
    Exactly Should Pass    ${answers}    ${limit}
    Quota Should Count Down    ${answers}    address    ${limit}    ${WINDOW}
    ${answers} =    Ask    1    ${OPEN_ENDPOINTS}[1]    source=${claimed}
    Quota Should Count Down    ${answers}    address    ${limit}    ${WINDOW}

Next Answer Should Leave
    [Documentation]    One more request of the current user says that so many are left of their quota.
    [Arguments]    ${endpoint}    ${left}
    ${source} =    Get Unused Address
    ${answers} =    Ask    1    ${endpoint}    token=${ACCESS_TOKEN}    source=${source}
    Should Be Equal As Integers    ${{ $answers[0].quotas['user'].remaining }}    ${left}
    ...    the endpoints do not share the quota with the socket, r is another

Send Many Messages
    [Documentation]    Sends so many messages on a socket without waiting for answers.
    [Arguments]    ${count}    ${alias}=socket
    FOR    ${number}    IN RANGE    ${count}
        ${id} =    Get Random UUID
        VAR    &{payload}    conversation_id=${CONVERSATION}    client_msg_id=${id}    body=message ${number}
        VAR    &{frame}    type=message.send    id=${id}    payload=${payload}
        Send Json    ${frame}    ${alias}
    END

Next Messages Should Be Refused
    [Documentation]    Of six messages one is refused. (Some still pass: what other endpoints took shows when the socket's debts are
    ...    settled.)
    [Arguments]    ${alias}=socket
    Send Many Messages    6    ${alias}
    ${error} =    Wait For Json    connection=${alias}    type=error    within=${WINDOW}s
    Should Be Equal    ${error}[payload][code]    rate_limited
    Wait For Json    connection=${alias}    type=warning    payload.code=rate_limited    within=${WINDOW}s

Password Should Be Counted Against Address
    [Documentation]    A login is counted against the address that it comes from, whether it succeeds or fails.
    Create User With Password
    Password Should Be Answered With    401    ${PASSWORD_USER.email}    a-wrong-password
    Right Password Should Be Answered With    200

Create User With Password
    [Documentation]    A new user who signed up by themselves: sets ``PASSWORD_USER``.
    ${user} =    Create User
    VAR    ${PASSWORD_USER}    ${user}    scope=TEST

Right Password Should Be Answered With
    [Documentation]    A login of ``PASSWORD_USER`` with their password, from an address that is new, is answered with this status.
    [Arguments]    ${status}
    Password Should Be Answered With    ${status}    ${PASSWORD_USER.email}    ${PASSWORD_USER.password}

Get Attackers
    [Documentation]    So many users at the users' endpoints, and so many addresses without a token at the open endpoints; each from an
    ...    address of their own.
    [Arguments]    ${users: int}    ${addresses: int}
    ${known} =    Create Users Of Plan    ${users}
    VAR    @{attackers}    @{EMPTY}
    FOR    ${user}    IN    @{known}
        ${source} =    Get Unused Address
        VAR    &{attacker}    urls=${ENDPOINTS}    token=${user.access_token}    source=${source}    ca_file=${CA_FILE}
        VAR    @{attackers}    @{attackers}    ${attacker}
    END
    FOR    ${_}    IN RANGE    ${addresses}
        ${source} =    Get Unused Address
        VAR    &{attacker}    urls=${OPEN_ENDPOINTS}    source=${source}    ca_file=${CA_FILE}
        VAR    @{attackers}    @{attackers}    ${attacker}
    END
    RETURN    ${attackers}

Get Socket Attackers
    [Documentation]    Each from an address of their own, at both replicas and frontend: one who opens sockets without a token, one who
    ...    sends messages without a pause, and one who asks for answers of 48 KiB and reads none of them.
    Create User Of Plan    bulk
    Start Conversation
    VAR    &{message}    conversation_id=${CONVERSATION}    client_msg_id=$ID    body=flood
    VAR    &{send}    type=message.send    id=$ID    payload=${message}
    VAR    &{ping}    type=ping    id=$ID    payload=${{ {'fill': 'x' * 49152} }}
    ${handshakes} =    Get Socket Attacker    HANDSHAKES
    ${messages} =    Get Socket Attacker    MESSAGES    token=${ACCESS_TOKEN}    frame=${{ json.dumps($send) }}    refusals=${1}
    ${reader} =    Get Socket Attacker    SLOW_READER    token=${ACCESS_TOKEN}    frame=${{ json.dumps($ping) }}    refusals=${0}
    RETURN    ${{ [$handshakes, $messages, $reader] }}

Socket Flood Should Be Throttled
    [Documentation]    Handshakes and messages are refused at every address; of those that nobody read the answers of, each was opened.
    [Arguments]    ${floods}
    FOR    ${url}    IN    ${BACKEND_SOCKET_URL}    ${BACKEND_2_SOCKET_URL}    ${SOCKET_URL}
        Flood Should Be Refused At    ${url}    ${floods}[0]
        Flood Should Be Refused At    ${url}    ${floods}[1]
        VAR    ${unread}    ${{ [answer for answer in $floods[2] if answer.url == '${url}' and answer.status == 101] }}
        Should Not Be Empty    ${unread}    the slow reader had no socket at ${url}: nothing was proved
    END

Every User Should Be Served Again
    [Documentation]    When what the answers to the attackers promised is due, each attacker's next request passes, at every endpoint.
    [Arguments]    ${attackers}    ${floods}
    Wait As Promised    ${floods}
    FOR    ${attacker}    IN    @{attackers}
        VAR    ${token}    ${{ $attacker.get('token') }}
        ${answers} =    Ask    4    @{attacker}[urls]    token=${token}    source=${attacker}[source]    ca_file=${CA_FILE}
        VAR    ${refused}    ${{ [answer.url for answer in $answers if answer.refused or answer.failed] }}
        Should Be Empty    ${refused}    ${attacker}[source] waited as promised and was still refused at ${refused}
    END
