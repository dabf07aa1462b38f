*** Settings ***
Documentation       A user, an address and a socket have one quota each, the same at every door; a refusal says when it ends, and ends then;
...                 who floods is throttled, and nobody else notices. Sources: RFC 6585 §4 (429), RFC 9110 §10.2.3 (Retry-After),
...                 draft-ietf-httpapi-ratelimit-headers-10, RFC 6455 §7.4.2 (close codes).
Resource            quotas.resource
Suite Setup         A Platform With Small Quotas    ${USER_LIMIT}    ${ADDRESS_LIMIT}    ${SOCKET_LIMIT}    ${WINDOW}
Suite Teardown      Leave The Platform
Test Teardown       Close All Connections
Test Tags           critical    p1    needs:ratelimit    needs:replicas.2    needs:session.admin


*** Variables ***
${USER_LIMIT}       ${10}
${ADDRESS_LIMIT}    ${45}
${SOCKET_LIMIT}     ${8}
${WINDOW}           ${3}


*** Test Cases ***
Exactly The Quota Passes At Every Door And Each Answer Counts It Down
    [Tags]    req:C08.1    req:C08.3    sec:R01    sec:R02
    [Template]    Quota Of A User Holds At
    ${DOORS}[0]    ${USER_LIMIT}    ${WINDOW}
    ${DOORS}[1]    ${USER_LIMIT}    ${WINDOW}
    ${DOORS}[3]    ${USER_LIMIT}    ${WINDOW}

A User Has One Quota At All Doors And On The Socket
    [Tags]    req:C08.1    sec:R03    needs:ws    robot:exclude
    A New User Of Plan
    ${answers} =    Ask    12    @{DOORS}    token=${ACCESS_TOKEN}    source=127.3.0.5    ca_file=${CA_FILE}
    Exactly Should Pass    ${answers}    ${USER_LIMIT}
    Quota Should Count Down    ${answers}    user    ${USER_LIMIT}    ${WINDOW}
    Socket Handshake Is Refused With    429    url=${BACKEND_2_SOCKET_URL}    code=rate_limited
    Socket Handshake Is Refused With    429    url=${SOCKET_URL}    code=rate_limited

What A Socket Uses Is Missing Elsewhere And The Other Way Round
    [Documentation]    A conversation, a handshake and three messages: five of the quota.
    [Tags]    req:C08.1    sec:R03    needs:ws
    A New User Of Plan
    Start A Conversation
    Open A Socket    url=${BACKEND_SOCKET_URL}
    Say    one
    Say    two
    Say    three
    Next Answer Leaves    ${DOORS}[2]    ${USER_LIMIT - 6}
    Fill The Quota    ${DOORS}[0]    ${USER_LIMIT}
    Next Messages Are Refused

What A Client Claims About His Address Changes Nothing
    [Tags]    req:C08.1    sec:R03    robot:exclude
    Quota Of An Address Holds In Spite Of    127.3.0.1    ${ADDRESS_LIMIT}    ${WINDOW}    X-Forwarded-For=127.9.9.9
    ...    Forwarded=for=127.9.9.9    X-Real-IP=127.9.9.9    X-Frontend-Credential=let-me-in

A Refusal Says When It Ends And Ends Then
    [Tags]    req:C08.3    sec:R02    sec:R06
    A New User Of Plan
    Fill The Quota    ${DOORS}[1]    ${USER_LIMIT}
    ${answers} =    Ask Until It Passes    ${DOORS}[2]    token=${ACCESS_TOKEN}    source=127.3.0.6    within=10s
    Promises Should Be Kept    ${answers}

A Socket That Goes On After The Warning Is Closed With 4029
    [Tags]    req:C08.2    sec:R04    needs:ws    needs:db.main
    A New User Of Plan    bulk
    Start A Conversation
    Open A Socket
    Open A Socket    alias=neighbour    url=${BACKEND_SOCKET_URL}
    Send Many    ${SOCKET_LIMIT * 2 + 1}
    Open Socket Was Closed With    4029    within=5s
    Socket Answered    warning    1
    Stored Messages Should Become    ${SOCKET_LIMIT}
    Say    I am not he    neighbour

A Socket That Heeds The Warning Lives On And May Speak Again
    [Tags]    req:C08.2    sec:R04    needs:ws
    A New User Of Plan    bulk
    Start A Conversation
    Open A Socket
    Send Many    ${SOCKET_LIMIT + 1}
    ${warning} =    Wait For Json    type=warning    payload.code=rate_limited    within=5s
    Socket Answered    error    1
    Socket Answered    ack    ${SOCKET_LIMIT}
    Wait As Promised    ${warning}[payload][retry_after]
    Say    after the warning
    Connection Should Be Open

A Flood Is Throttled Everywhere And Nobody Else Notices
    [Tags]    req:C08.4    sec:R04    robot:exclude
    A New User Of Plan    bulk
    ${attackers} =    Attackers    6    4
    Watch As An Innocent User
    ${floods} =    Flood    ${attackers}    refusals=25    ca_file=${CA_FILE}
    Innocent User Noticed Nothing
    Flood Should Be Throttled    ${floods}[:6]    ${USER_LIMIT}    ${WINDOW}s    @{DOORS}
    Flood Should Be Throttled    ${floods}[6:]    ${ADDRESS_LIMIT}    ${WINDOW}s    @{OPEN_DOORS}
    Wait As Promised    ${floods}
    Everybody Is Served Again    ${attackers}
