*** Settings ***
Documentation       One log a conversation, no matter who writes it and from wherever it is read: simultaneous writers share its seqs, a
...                 message is one thing however it comes, and a log that begins again under open sockets is never passed off as the old
...                 one. Sources: docs/protocol.md §3.1 (``client_msg_id``) and §4 (the promise, ``state.conflict``, ``resume`` and 4009,
...                 4010); judged by the recorded history.
Resource            contract.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Teardown       Run Keywords    Close Load Sockets    AND    Close All Connections
Test Tags           contract    p1    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Test Cases ***
Two Devices Write At Two Replicas In One Order
    [Tags]    id:CT-05    req:C05.1    req:R07    req:S03    proto:R1.10
    Open Tab And Second Device
    Send From Tab And Device At Once    200
    Tabs Should Have Received Everything    400    tab    device

The Same Message At Two Replicas Is Stored Once
    [Tags]    id:CT-06    req:R07    req:S03    proto:R1.10
    Open Tab And Second Device
    Hold Conversation In Main Database
    Send Same Message At Both Replicas
    One Message Should Be Duplicate Of Other
    Receive Chat Message    said twice    tab
    Tabs Should Have Received Everything    1    tab    device

A Message Is Equal Live, Replayed And Over REST
    [Tags]    id:CT-07    req:R02    req:C05.1    proto:4.122
    Open Tab And Second Device
    Close Connection    tab
    Send Chat Message    The same, whatever way it comes: 𝔘nicode, "quotes" and \\ all    device
    ${live} =    Wait For Json    connection=device    type=message
    Reconnect Tab    missed=1
    Message Should Be Equal Everywhere    ${live}[payload]

A User Who Joins Again Receives New Messages
    [Tags]    id:CT-08    req:C02.3
    Open Tab And Second Device
    Ask Socket    tab    unsubscribe    unsubscribed    conversation_id=${CONVERSATION}
    Subscribe    tab
    Send Chat Message    After it came again    device
    Receive Chat Message    After it came again    tab

A New Log Closes Open Sockets With 4010
    [Tags]    id:CT-09    req:R02    req:R06    proto:4.81    proto:4.108    proto:R4.09
    Open Tab And Second Device
    Send Chat Message    Of the old log    tab
    Receive Chat Message    Of the old log    tab
    Replace Log By New Epoch
    Tab And Device Should Have To Resume
    Tab Should Not Recover For    epoch_changed
    Rest Should Be There Over REST

Messages Of A New Log Wait For The Resume
    [Tags]    id:CT-10    req:R02    req:R06    proto:4.81    proto:4.108    proto:R4.09
    Open Tab And Second Device
    Send Chat Message    Of the old log    device
    Receive Chat Message    Of the old log    tab
    Replace Log By New Epoch
    Send From Other Device    Of the new log
    Tab And Device Should Have To Resume
    Tab Should Not Recover For    epoch_changed
    Rest Should Be There Over REST

A State Conflict Reports The Version To Write Over
    [Tags]    id:CT-11    req:S03    req:R06    req:C10.4    proto:4.36
    Open Tab With State
    Store Tab State    step=2
    ${version} =    State Conflict Should Report Current State    1
    VAR    ${STATE_VERSION}    ${version}    scope=TEST
    Store Tab State    step=3
    State Conflict Should Report Current State    0

A Client Left By A Resume Is Free Again
    [Tags]    id:CT-12    req:R05    req:R10    proto:4.78    proto:4.79
    Sign In New User
    ${left} =    Get Random UUID
    ${taken} =    Get Random UUID
    Open Chat Socket    moved    url=${BACKEND_SOCKET_URL}    client_id=${left}
    Resume    ${taken}    ${{ {} }}    moved
    Open Chat Socket    next    url=${BACKEND_SOCKET_URL}    client_id=${left}
    Socket Should Belong To Client    moved    ${taken}
    Socket Should Belong To Client    next    ${left}


*** Keywords ***
Send From Tab And Device At Once
    [Documentation]    Both send so many messages into the one conversation, each at a replica of its own and without waiting. Every one is
    ...    answered with an acknowledgement.
    [Arguments]    ${count: int}
    VAR    @{both}    tab    device
    Send On All    ${NUMBERED_FRAME}    ${both}    times=${count}    conversation=${{ $CONVERSATIONS * 2 }}
    ${answers} =    Collect On All    ${count}    ${both}    where=type == 'ack' or type == 'error'    within=60s
    VAR    ${errors}    ${{ [a.json['payload'] for a in itertools.chain(*$answers.values()) if a.json['type'] == 'error'] }}
    Should Be Empty    ${errors}    ${{ len($errors) }} messages of two devices at two replicas were refused, the first: ${errors}[:1]
    Collect On All    ${{ 2 * $count }}    ${both}    where=type=message    within=60s

Send Same Message At Both Replicas
    [Documentation]    Tab and device, each at a replica of its own, send one message under one id; both replicas have to wait for the
    ...    conversation, which then is let go.
    VAR    @{both}    tab    device
    VAR    &{payload}    conversation_id=${CONVERSATION}    client_msg_id=said-twice    body=said twice
    VAR    &{frame}    type=message.send    id={alias}    payload=${payload}
    Send On All    ${frame}    ${both}
    Wait Until Keyword Passes    4s    Check Row Count    ${WAITING_FOR_ME}    >=    2    alias=main
    Disconnect From Database    alias=holder

One Message Should Be Duplicate Of Other
    [Documentation]    Both are acknowledged with the one seq, one of them as a duplicate.
    VAR    @{both}    tab    device
    ${answers} =    Collect On All    1    ${both}    where=type == 'ack' or type == 'error'    within=10s
    VAR    ${reported}    ${{ [frames[0].json['payload'] for frames in $answers.values()] }}
    VAR    ${acks}    ${{ sorted((str(one.get('seq', one.get('code'))), one.get('duplicate')) for one in $reported) }}
    Should Be Equal    ${acks}    ${{ [('1', False), ('1', True)] }}
    ...    the answers to one message that two replicas were given at once (seq, duplicate)

Message Should Be Equal Everywhere
    [Documentation]    What a device received live, what the tab was replayed, and what each endpoint shows of the one message are equal
    ...    member by member, whatever way it came.
    [Arguments]    ${live}
    ${batches} =    Get Frames    connection=tab    type=message.batch
    Should Be Equal    ${batches[0].json}[payload][messages]    ${{ [$live] }}    a message reads otherwise when it is replayed
    FOR    ${endpoint}    IN    @{ENDPOINTS}
        ${response} =    Get From    ${endpoint}    /api/conversations/${CONVERSATION}/messages    ${ACCESS_TOKEN}
        Should Be Equal    ${response.json()}[messages]    ${{ [$live] }}    a message reads otherwise over REST
    END
