*** Settings ***
Documentation       A user, an address and a socket have one quota each, the same at every door; a refusal says when it ends, and ends then;
...                 who floods is throttled, and nobody else notices. Sources: RFC 6585 §4 (429), RFC 9110 §10.2.3 (Retry-After),
...                 draft-ietf-httpapi-ratelimit-headers-10, RFC 6455 §7.4.2 (close codes).
Resource            quotas.resource
Suite Setup         A Platform With Small Quotas    ${USER_LIMIT}    ${ADDRESS_LIMIT}    ${SOCKET_LIMIT}    ${WINDOW}    ${FAILURE_LIMIT}
Suite Teardown      Leave The Platform
Test Teardown       Close All Connections
Test Tags           critical    p1    needs:ratelimit    needs:replicas.2    needs:session.admin


*** Variables ***
${USER_LIMIT}       ${8}
${ADDRESS_LIMIT}    ${16}
${SOCKET_LIMIT}     ${8}
${WINDOW}           ${2}
${FAILURE_LIMIT}    ${3}


*** Test Cases ***
Exactly The Quota Passes At Every Door And Each Answer Counts It Down
    [Tags]    id:C08-01    req:C08.1    req:C08.3    sec:R01    sec:R02
    [Template]    In One Window
    Quota Of A User Holds At    ${USER_LIMIT}    ${DOORS}[0]
    Quota Of A User Holds At    ${USER_LIMIT}    ${DOORS}[1]
    Quota Of A User Holds At    ${USER_LIMIT}    ${DOORS}[3]

A User Has One Quota At All Doors And On The Socket
    [Tags]    id:C08-02    req:C08.1    sec:R03    needs:ws
    In One Window    Quota Of A User Holds At All Doors And On The Socket    ${USER_LIMIT}

What A Socket Uses Is Missing Elsewhere And The Other Way Round
    [Tags]    id:C08-03    req:C08.1    sec:R03    needs:ws
    In One Window    Socket And Doors Share The Quota    ${USER_LIMIT}

What A Client Claims About His Address Changes Nothing
    [Tags]    id:C08-04    req:C08.1    sec:R03
    In One Window    Quota Of An Address Holds Whatever A Client Claims    ${ADDRESS_LIMIT}

A Socket That Goes On After The Warning Is Closed With 4029
    [Tags]    id:C08-05    req:C08.2    sec:R04    needs:ws    needs:db.main
    In One Window    A Socket Is Closed For Abuse    ${SOCKET_LIMIT}    plan=bulk

A Refusal Says When It Ends And Ends Then
    [Documentation]    A socket that heeds the warning, and a user at two doors: one waits while the other does. The user asks so seldom
    ...    that the quota of his address has room for it.
    [Tags]    id:C08-06    req:C08.2    req:C08.3    sec:R02    sec:R04    sec:R06    needs:ws
    In One Window    A Socket Is Warned    ${SOCKET_LIMIT}    plan=bulk
    A New User Of Plan
    ${refusal} =    Fill The Quota    ${DOORS}[1]    ${USER_LIMIT}
    ${source} =    Unused Address
    ${answers} =    Ask Until It Passes    ${DOORS}[2]    token=${ACCESS_TOKEN}    source=${source}    every=200ms    within=10s
    Promises Should Be Kept    ${{ [$refusal, *$answers] }}
    Wait As Promised    ${PROMISE}
    Say    after the warning
    Connection Should Be Open

Who Fails To Log In Too Often Has To Wait, By Account And By Address
    [Documentation]    An account is one in whatever letters its e-mail is written, from whatever address; an address is one for all
    ...    accounts.
    [Tags]    id:C08-07    req:C08.1    req:C08.3    sec:R05
    In One Window    Logins From An Address Are Refused After Failures    ${FAILURE_LIMIT}
    In One Window    Logins Of An Account Are Refused After Failures    ${FAILURE_LIMIT}
    Wait As Promised    ${PROMISE}
    The Right Password Is Answered With    200

A Flood Is Throttled Everywhere And Nobody Else Notices
    [Documentation]    How long an innocent user waits for answers is measured by how long another one waits, at the same time, at a
    ...    platform where nobody floods, in a crowd of as many who may ask.
    [Tags]    id:C08-08    req:C08.4    sec:R04    robot:continue-on-failure
    ${attackers} =    Attackers    5    3
    ${floods} =    Flood Here And Crowd There    ${attackers}
    Innocents Should Wait No Longer Here Than There
    Flood Should Be Throttled    ${floods}[:5]    ${USER_LIMIT}    ${WINDOW}s    @{DOORS}
    Flood Should Be Throttled    ${floods}[5:]    ${ADDRESS_LIMIT}    ${WINDOW}s    @{OPEN_DOORS}
    Everybody Is Served Again    ${attackers}    ${floods}
