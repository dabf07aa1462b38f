*** Settings ***
Documentation       Hundreds of sockets in one keyword.
Library             WebSocketLibrary
Library             Collections
Test Teardown       Close All Connections    within=2s


*** Variables ***
${URL}      ws://set.by.the.test


*** Test Cases ***
Everyone Gets An Answer
    [Documentation]    PASS
    ${aliases} =    Open Connections    ${URL}/echo    300
    Length Should Be    ${aliases}    300
    Should Be Equal    ${aliases}[299]    bulk-299
    ${sent} =    Send On All    hello
    Should Be Equal    ${sent}    ${300}
    ${frames} =    Collect On All
    Length Should Be    ${frames}    300
    Should Be Equal    ${frames["bulk-7"][0].text}    hello
    VAR    &{message}    socket={socket}    n={n}    who={alias}    id={uuid}
    ${sent} =    Send On All    ${message}    times=5
    Should Be Equal    ${sent}    ${1500}
    ${frames} =    Collect On All    5
    ${numbers} =    Evaluate    [frame.json["n"] for frame in $frames["bulk-12"]]
    Should Be Equal    ${numbers}    ${{[0, 1, 2, 3, 4]}}
    ${ids} =    Evaluate    {f.json["id"] for found in $frames.values() for f in found}
    Length Should Be    ${ids}    1500
    Should Be Equal    ${frames["bulk-299"][4].json}    ${{dict($frames["bulk-299"][4].json, socket=299, n=4, who="bulk-299")}}
    Frame Should Not Arrive    for=10ms    connection=bulk-12

Seeded Order Repeats
    [Documentation]    PASS
    Open Connections    ${URL}/echo    20
    Send On All    {n}-{uuid}    times=3    seed=42    rate=${2000}
    ${first} =    Collect On All    3
    Send On All    {n}-{uuid}    times=3    seed=42
    ${again} =    Collect On All    3
    Send On All    {n}-{uuid}    times=3    seed=43
    ${other} =    Collect On All    3
    ${first_texts} =    Evaluate    [frame.text for frames in $first.values() for frame in frames]
    ${again_texts} =    Evaluate    [frame.text for frames in $again.values() for frame in frames]
    ${other_texts} =    Evaluate    [frame.text for frames in $other.values() for frame in frames]
    Should Be Equal    ${first_texts}    ${again_texts}
    Should Not Be Equal    ${first_texts}    ${other_texts}

The Rate Is Kept
    [Documentation]    PASS
    Open Connections    ${URL}/echo    10
    Send On All    x    times=10    rate=${400}
    Collect On All    10
    ${frames} =    Get Frames    where=True    direction=sent    connection=bulk-0
    ${span} =    Evaluate    $frames[-1].at - $frames[0].at
    Should Be True    0.2 < ${span}

Tokens Are Used In Turn
    [Documentation]    PASS
    VAR    ${secret: Secret}    %{SOCKET_TOKEN}
    VAR    @{tokens}    ${secret}    other-token-987654321
    Open Connections    ${URL}/headers    tokens=${tokens}    alias=user
    ${frames} =    Collect On All
    Should Be Equal    ${frames["user-0"][0].json["headers"]["authorization"]}    Bearer %{SOCKET_TOKEN}
    Should Be Equal    ${frames["user-1"][0].json["headers"]["authorization"]}    Bearer other-token-987654321

Not All Open
    [Documentation]    FAIL 20 of 20 sockets did not open; 20 × No socket opened: the handshake with * was refused with 403 Forbidden*
    Open Connections    ${URL}/refuse/403    20

Closed Loop
    [Documentation]    PASS
    Open Connections    ${URL}/echo    40
    Send Text    left over    connection=bulk-1
    Wait For Frame    text=left over    connection=bulk-1
    VAR    &{message}    n={n}
    ${done} =    Exchange On All    ${message}    times=20
    Should Be Equal    ${done.count}    ${800}
    Length Should Be    ${done.latencies}    800
    Should Be True    0 < min($done.latencies) and max($done.latencies) <= $done.seconds
    ${frames} =    Get Frames    connection=bulk-39
    ${numbers} =    Evaluate    [frame.json["n"] for frame in $frames]
    Should Be Equal    ${numbers}    ${{list(range(20))}}
    ${sent_before_answered} =    Evaluate    [frame.index for frame in $frames]
    Should Be Equal    ${sent_before_answered}    ${{list(range(1, 41, 2))}}
    Frame Should Not Arrive    for=10ms    connection=bulk-39
    Exchange On All    constant

Closed Loop Fails
    [Documentation]    FAIL 2 of 3 sockets did not receive 3 answer(s) within 200 ms; bulk-0: 0 of 3, closed by peer with 4029 *\n* bulk-0: 0 of 3, *\n* quiet: 0 of 3, open*
    Open Connections    ${URL}/close/4029    1
    Collect On All
    Open Connection    ${URL}/silent    quiet
    Open Connection    ${URL}/echo    loud
    Exchange On All    go    times=3    within=200ms

Each Socket Gets Its Own Column
    [Documentation]    PASS
    Open Connections    ${URL}/echo    3
    VAR    @{rooms}    red    green    blue
    VAR    &{message}    room={room}    n={n}
    Send On All    ${message}    times=2    room=${rooms}
    ${frames} =    Collect On All    2
    Should Be Equal    ${frames["bulk-1"][1].json}    ${{dict(room="green", n=1)}}
    Should Be Equal    ${frames["bulk-2"][0].json}    ${{dict(room="blue", n=0)}}

A Short Column Is Refused
    [Documentation]    FAIL ValueError: the column 'room' has fewer values than there are sockets (3)
    Open Connections    ${URL}/echo    3
    VAR    @{rooms}    red    green
    Send On All    {room}    room=${rooms}

A Closed Loop Runs Beside A Load
    [Documentation]    PASS
    Open Connections    ${URL}/echo    2
    VAR    @{probe}    bulk-0
    VAR    @{load}    bulk-1
    Start Exchange    ping    ${probe}
    Send On All    x    ${load}    times=500
    Collect On All    500    ${load}
    ${done} =    Stop Exchange
    Should Be True    $done.count > 0 and len($done.latencies) == $done.count
    Count Frames    ==    ${done.count}    connection=bulk-0
    Frame Should Not Arrive    for=10ms    connection=bulk-0

Each Message Is Answered By Several Frames
    [Documentation]    PASS
    Open Connections    ${URL}/twice/20    2
    VAR    &{message}    n={n}
    ${done} =    Exchange On All    ${message}    times=3    replies=2
    Should Be Equal    ${done.count}    ${6}
    Length Should Be    ${done.latencies}    6
    Should Be True    0.02 <= min($done.latencies)
    ${frames} =    Get Frames    connection=bulk-1
    Should Be Equal    ${{ [frame.json["n"] for frame in $frames] }}    ${{ [0, 0, 1, 1, 2, 2] }}

A Closed Loop That Is Not Answered
    [Documentation]    FAIL 1 of 1 sockets did not receive 1 answer(s) within 200 ms; bulk-0: 0 of 1, open\n*
    Open Connections    ${URL}/silent    1
    Start Exchange    ping
    Stop Exchange    within=200ms

One Closed Loop At A Time
    [Documentation]    FAIL ValueError: an exchange is running already
    Open Connections    ${URL}/echo    1
    Start Exchange    ping
    Start Exchange    ping
    [Teardown]    Stop Exchange

Nothing To Stop
    [Documentation]    FAIL ValueError: no exchange is running
    Stop Exchange

Wanted Frames Only
    [Documentation]    PASS
    Open Connections    ${URL}/events    30
    ${frames} =    Collect On All    2    where=type=notice
    ${numbers} =    Evaluate    {tuple(f.json["payload"]["seq"] for f in found) for found in $frames.values()}
    Should Be Equal    ${numbers}    ${{ {(2, 4)} }}
    VAR    &{message}    n={n}
    Send On All    ${message}    times=2
    ${acks} =    Collect On All    2    where=type == 'ack'
    Length Should Be    ${acks}[bulk-29]    2
    Count Frames    ==    6    connection=bulk-3
    Frame Should Not Arrive    type=ack    for=10ms    connection=bulk-3

No More Than Wanted Are Taken
    [Documentation]    PASS
    Open Connections    ${URL}/events    3
    Collect On All    4
    Drop Connections
    Close All Connections
    Open Connections    ${URL}/events    3
    Wait For Json    payload.seq=4    connection=bulk-1
    ${frames} =    Collect On All    1    where=type=message
    Length Should Be    ${frames}[bulk-1]    1
    Wait For Json    type=message    payload.seq=3    connection=bulk-1

Numbered On Each Socket
    [Documentation]    PASS
    Open Connections    ${URL}/echo    3
    VAR    &{message}    said=message {n} of {alias}
    Send On All    ${message}    times=4
    ${frames} =    Collect On All    4
    Collected Should Be Numbered    ${frames}    said    message {n} of {alias}

Out Of Order On One Socket
    [Documentation]    FAIL the answers to bulk-1 are out of order: 'twice' came at place 1, not 'no 1'
    Open Connections    ${URL}/echo    2
    Send On All    {"said":"no {n}"}
    VAR    @{second}    no 1    twice
    Send On All    {"said":"{second}"}    second=${second}
    ${frames} =    Collect On All    2
    Collected Should Be Numbered    ${frames}    said    no {n}    answers to

Each Socket Hears Its Own
    [Documentation]    PASS
    Open Connections    ${URL}/echo    3
    VAR    @{rooms}    a    b    c
    Send On All    {"payload":{"room":"{room}"}}    room=${rooms}
    Send On All    {"payload":{}}
    Send On All    no JSON
    Collect On All    3
    ${aliases} =    Evaluate    [f"bulk-{n}" for n in range(3)]
    Frames Should Keep To    payload.room    ${rooms}    ${aliases}

A Socket Hears Of Another
    [Documentation]    FAIL bulk-1 received 1 frames whose payload.room is not its own ('c'), the first: #1 * text {"payload":{"room":"b"}}
    Open Connections    ${URL}/echo    2
    VAR    @{rooms}    a    b
    Send On All    {"payload":{"room":"{room}"}}    room=${rooms}
    Collect On All    1
    VAR    @{own}    a    c
    VAR    @{aliases}    bulk-0    bulk-1
    Frames Should Keep To    payload.room    ${own}    ${aliases}

Not All Get The Wanted Frame
    [Documentation]    FAIL 3 of 3 sockets did not receive 5 frame(s) with type = 'notice' within 200 ms; bulk-0 (of 3): 2 of 5, open\n*
    Open Connections    ${URL}/events    3
    Collect On All    5    where=type=notice    within=200ms

Not All Answer
    [Documentation]    FAIL 1 of 5 sockets did not receive 1 frame(s) within 200 ms; quiet: 0 of 1, open\nNo frame received.*
    Open Connections    ${URL}/echo    4
    Open Connection    ${URL}/silent    quiet
    Send On All    hello
    Collect On All    within=200ms

A Dead Socket Is Named At Once
    [Documentation]    FAIL 2 of 2 sockets did not receive 3 frame(s) within 60 s; bulk-0 (of 2): 1 of 3, closed by peer with 4029 'as asked' *
    Open Connections    ${URL}/close/4029    2
    Send On All    go
    Collect On All    3    within=1 minute

Nobody To Send To
    [Documentation]    FAIL ValueError: there is no open connection to send on
    Send On All    hello

Nobody To Collect From
    [Documentation]    FAIL ValueError: there is no connection to collect from
    Collect On All

All Dropped
    [Documentation]    PASS
    Open Connections    ${URL}/echo    50
    ${count} =    Drop Connections
    Should Be Equal    ${count}    ${50}
    Get Close Code    ==    1006    connection=bulk-49
