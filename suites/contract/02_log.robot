*** Settings ***
Documentation       One log a conversation, whoever writes it and from wherever it is read: simultaneous writers share its seqs, a message
...                 is one thing however it comes, and a log that begins anew under open sockets is never passed off as the old one.
...                 Sources: docs/protocol.md §3.1 (``client_msg_id``) and §4 (the promise, ``state.conflict``, ``resume`` and 4009, 4010);
...                 judged by the recorded history.
Resource            contract.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Teardown       Run Keywords    End The Load    AND    Close All Connections
Test Tags           contract    p1    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Test Cases ***
Two Devices Write At Two Replicas In One Order
    [Tags]    id:CT-05    req:C05.1    req:R07    req:S03    proto:R1.10
    A Tab And A Second Device
    Tab And Device Say At Once    200
    Nothing Was Lost On The Way    400    tab    device

The Same Message At Two Replicas Is Stored Once
    [Tags]    id:CT-06    req:R07    req:S03    proto:R1.10
    A Tab And A Second Device
    Hold The Conversation In The Main Database
    Both Say The Same Before It Can Be Stored
    One Was New And The Other Is Told So
    Hear    said twice    tab
    Nothing Was Lost On The Way    1    tab    device

A Message Is Equal Live, Replayed And Over REST
    [Tags]    id:CT-07    req:R02    req:C05.1    proto:4.122
    A Tab And A Second Device
    Close Connection    tab
    Say    The same, whatever way it comes: 𝔘nicode, "quotes" and \\ all    device
    ${live} =    Wait For Json    connection=device    type=message
    The Tab Comes Back    missed=1
    A Message Is The Same On    ${live}[payload]

A User Who Joins Again Receives New Messages
    [Tags]    id:CT-08    req:C02.3
    A Tab And A Second Device
    Ask The Socket    tab    unsubscribe    unsubscribed    conversation_id=${CONVERSATION}
    Subscribe    tab
    Say    After it came again    device
    Hear    After it came again    tab

A New Log Closes Open Sockets With 4010
    [Tags]    id:CT-09    req:R02    req:R06    proto:4.81    proto:4.108    proto:R4.09
    A Tab And A Second Device
    Say    Of the old log    tab
    Hear    Of the old log    tab
    The Log Begins Anew
    Everybody Has To Resume
    The Tab Is Told It Has Not Recovered    epoch_changed
    The Rest Is There Over REST And Goes On Live

Messages Of A New Log Wait For The Resume
    [Tags]    id:CT-10    req:R02    req:R06    proto:4.81    proto:4.108    proto:R4.09
    A Tab And A Second Device
    Say    Of the old log    device
    Hear    Of the old log    tab
    The Log Begins Anew
    Somebody Else Says    Of the new log
    Everybody Has To Resume
    The Tab Is Told It Has Not Recovered    epoch_changed
    The Rest Is There Over REST And Goes On Live

A State Conflict Reports The Version To Write Over
    [Tags]    id:CT-11    req:S03    req:R06    req:C10.4    proto:4.36
    A Tab With Something To Lose
    The Tab Keeps A State    step=2
    ${version} =    Loser Of A State Conflict Is Told    1
    VAR    ${STATE_VERSION}    ${version}    scope=TEST
    The Tab Keeps A State    step=3
    Loser Of A State Conflict Is Told    0

A Client Left By A Resume Is Free Again
    [Tags]    id:CT-12    req:R05    req:R10    proto:4.78    proto:4.79
    Sign In A New User
    ${left} =    Random UUID
    ${taken} =    Random UUID
    Open A Socket    moved    url=${BACKEND_SOCKET_URL}    client_id=${left}
    Resume    ${taken}    ${{ {} }}    moved
    Open A Socket    next    url=${BACKEND_SOCKET_URL}    client_id=${left}
    Socket Speaks For    moved    ${taken}
    Socket Speaks For    next    ${left}
