*** Settings ***
Documentation       The assistant answers in order however many write at once, a burst is fast, and the services keep their memory.
...                 Sources: docs/protocol.md §4 (acknowledged after commit, seqs contiguous and in order); judged by the recorded history
...                 of every socket and the rows of the main database. 05_ordering_under_load has what holds on any platform.
Resource            load.resource
Suite Setup         Open Private Platform    backends=2    ACCESS_TTL=3600
Suite Teardown      Leave Platform
Test Teardown       Close Load Sockets
Test Tags           critical    p0    needs:ws    needs:assistant    needs:session.admin


*** Test Cases ***
A Hundred Users At Once Are Each Answered In Order
    [Tags]    id:C05-07    req:C05.1    proto:4.49    needs:db.main    needs:replicas.2
    Create Load Users With Conversations    100
    Connect Load Users
    Send Messages Of Every User    10
    No Message Should Be Lost Or Duplicated    rows=2000
    Every User Should Be Answered In Order
    No User Should Receive Foreign Messages

A Burst Of A Thousand Messages Is Answered In Time
    [Tags]    id:C05-08    req:C05.2    needs:db.main
    Prepare Burst
    Connect Second User
    Measure Second User At Rest    50
    Record Socket    burst
    Send Messages Of Every User    1000
    Measure Second User At Rest    50
    No Message Should Be Lost Or Duplicated    rows=2000
    Every User Should Be Answered In Order
    Burst Should Be Faster Than Single Messages

Services Stay Within Their Memory Budgets Under Load
    [Tags]    id:C05-06    req:C05.4    needs:control.kill
    Prepare Burst    assistant=False    url=${SOCKET_URL}
    Send Bursts    2
    Start Memory Watch    auth    backend-1    backend-2    frontend
    Send Bursts    6
    ${seen} =    Stop Memory Watch
    Memory Should Stay Within Budgets    ${seen}


*** Keywords ***
Connect Load Users
    [Documentation]    A recorded socket for each user, half of them at each replica; each may see their own conversation and no other.
    ...    Sets ``ALIASES``.
    ${half} =    Evaluate    len($TOKENS) // 2
    ${first} =    Open Connections    ${BACKEND_SOCKET_URL}    tokens=${TOKENS[:${half}]}    alias=user
    ...    subprotocols=${SUBPROTOCOLS}
    ${second} =    Open Connections    ${BACKEND_2_SOCKET_URL}    tokens=${TOKENS[${half}:]}    alias=other
    ...    subprotocols=${SUBPROTOCOLS}
    VAR    @{ALIASES}    @{first}    @{second}    scope=TEST
    Collect On All    connections=${ALIASES}    where=type=welcome    within=10s
    Record Socket    @{ALIASES}
    FOR    ${alias}    ${conversation}    IN ZIP    ${ALIASES}    ${CONVERSATIONS}    mode=STRICT
        Allow Client To See    ${alias}    ${conversation}
    END

No User Should Receive Foreign Messages
    [Documentation]    No frame that a socket has received, part of an answer or whole message, names a conversation of another user.
    Frames Should Keep To    payload.conversation_id    ${CONVERSATIONS}    ${ALIASES}

Burst Should Be Faster Than Single Messages
    [Documentation]    Sent within a second; stored (by the replica's clock), acknowledged and answered in the time of as many single round
    ...    trips of this run as the budgets say.
    ${rest} =    Log Latencies    round trip at rest
    ${sent} =    Get Frames    where=type=message.send    direction=sent    connection=burst
    ${acks} =    Get Frames    where=type=ack    connection=burst
    ${answers} =    Get Frames    where=${BY_THE_ASSISTANT}    connection=burst
    ${storing} =    Query    ${STORING_TOOK}    alias=main    parameters=${{ [$CONVERSATIONS[0]] }}
    VAR    ${begun}    ${sent[0].at}
    Value Should Be Within Budget    C05 burst sent    ${{ $sent[-1].at - $begun }}
    Value Should Be Within Budget    C05 burst stored    ${{ $storing[0][0] / $rest.mean }}
    Value Should Be Within Budget    C05 burst acknowledged    ${{ ($acks[-1].at - $begun) / $rest.mean }}
    Value Should Be Within Budget    C05 burst answered    ${{ ($answers[-1].at - $begun) / $rest.mean }}

Memory Should Stay Within Budgets
    [Documentation]    What `Stop Memory Watch` saw: each service's peak and growth are within the named budgets.
    [Arguments]    ${seen}
    FOR    ${instance}    ${memory}    IN    &{seen}
        Log    ${instance}: ${memory}
        VAR    ${service}    ${{ $instance.partition('-')[0] }}
        Value Should Be Within Budget    C05 memory of ${service}    ${memory.peak}
        Value Should Be Within Budget    C05 memory growth of ${service}    ${memory.growth}
    END
