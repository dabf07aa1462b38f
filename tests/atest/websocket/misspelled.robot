*** Settings ***
Documentation       A field that no frame has ever had makes no check pass.
Library             WebSocketLibrary
Test Setup          Four Events Have Come
Test Teardown       Close All Connections    within=1s


*** Variables ***
${URL}      ws://set.by.the.test


*** Test Cases ***
A Name In An Expression
    [Documentation]    FAIL No frame with [tpye == 'message'] on 'socket', but that proves nothing: no frame has had a field 'tpye'; the nearest is 'type'.\n4 frame(s) received, of these:*
    Frame Should Not Arrive    where=tpye == 'message'    for=10ms

A Path In Where
    [Documentation]    FAIL * but that proves nothing: no frame has had a field 'payload.sqe'; the nearest is 'payload.seq'.*
    Frame Should Not Arrive    where=payload.sqe=1    for=10ms

A Named Argument
    [Documentation]    FAIL * but that proves nothing: no frame has had a field 'payload.sqe'; the nearest is 'payload.seq'.*
    Frame Should Not Arrive    type=message    payload.sqe=1    for=10ms

A Dictionary
    [Documentation]    FAIL * but that proves nothing: no frame has had a field 'seq'; the nearest is 'payload.seq'.*
    VAR    &{paths}    type=message    seq=1
    Frame Should Not Arrive    where=${paths}    for=10ms

A Name Like No Other
    [Documentation]    FAIL * but that proves nothing: no frame has had a field 'zzz'; there are type, payload, payload.seq, payload.tags, payload.last.*
    Frame Should Not Arrive    where=zzz    for=10ms

The Closed Socket That Received It
    [Documentation]    FAIL * but that proves nothing: no frame has had a field 'tpye'*
    Close Connection
    Frame Should Not Arrive    tpye=message    for=10ms    even_closed=True

A Count Of Nothing
    [Documentation]    FAIL * but that proves nothing: no frame has had a field 'tpye'; the nearest is 'type'.*
    Count Frames    ==    0    where=tpye=message

A List Of Nothing
    [Documentation]    FAIL * but that proves nothing: no frame has had a field 'tpye'; the nearest is 'type'.*
    Get Frames    tpye=message

A Comparison That Cannot Be Made
    [Documentation]    FAIL * but that proves nothing: it cannot be decided of any frame: TypeError: '>' not supported between instances of 'int' and 'str'.*
    Frame Should Not Arrive    where=type == 'message' and payload.seq > '7'    for=10ms

A Wait Says So
    [Documentation]    FAIL No frame with tpye = 'message' on 'socket' within 10 ms, waited * s; no frame has had a field 'tpye'; the nearest is 'type'.\n*
    Wait For Frame    tpye=message    within=10ms

A Failed Count Says So
    [Documentation]    FAIL Count of frames with [tpye == 'message'] on 'socket' '0' (int) should be '2' (int); no frame has had a field 'tpye'; the nearest is 'type'.\n*
    Count Frames    ==    2    where=tpye == 'message'

A Collection Says So
    [Documentation]    FAIL 1 of 1 sockets did not receive 1 frame(s) with tpye = 'message' within 10 ms; no frame has had a field 'tpye'; the nearest is 'type'; socket: 0 of 1, open\n*
    VAR    @{socket}    socket
    Collect On All    1    ${socket}    where=tpye=message    within=10ms

Values That Keep To A Path That Is Not There
    [Documentation]    FAIL no frame that socket received has a field 'payload.sqe': nothing was proved; the nearest is 'payload.seq'
    VAR    @{socket}    socket
    Frames Should Keep To    payload.sqe    ${{ [1] }}    ${socket}

No Frames Are Numbered
    [Documentation]    FAIL there are no frames of, so their order proves nothing
    Collected Should Be Numbered    ${{ {} }}    n    {n}

The Other Fields Decide
    [Documentation]    PASS
    Frame Should Not Arrive    type=ack    payload.got.say=hello    for=10ms
    Frame Should Not Arrive    where=type == 'ack' and payload.got.say == 'hello'    for=10ms
    Count Frames    ==    0    where=type == 'ack' and payload.got
    ${none} =    Get Frames    type=ack    payload.got=1
    Should Be Empty    ${none}

What May Be Missing Is Asked Of What Holds It
    [Documentation]    PASS
    Frame Should Not Arrive    where='error' in json    for=10ms
    Frame Should Not Arrive    where=payload.get('error')    for=10ms
    Frame Should Not Arrive    where=any(tag == 'c' for tag in payload.tags)    for=10ms
    Frame Should Not Arrive    where=payload.tags[5] == 'a'    for=10ms
    Frame Should Not Arrive    where=re.search('error', text) or opcode == 'binary' or frame.index > 9    for=10ms
    Frame Should Not Arrive    text=hello    for=10ms

A Field Of What Another Socket Received Or Sent
    [Documentation]    PASS
    Open Connection    ${URL}/say    other
    Send Json    {"say": [], "wish": 1}
    Frame Should Not Arrive    wish=1    connection=socket    for=10ms
    Open Connection    ${URL}/silent    third
    Frame Should Not Arrive    tpye=message    connection=third    for=10ms


*** Keywords ***
Four Events Have Come
    [Documentation]    A socket on which four frames with ``type`` and ``payload`` came; the last is taken.
    Open Connection    ${URL}/events    socket
    Wait For Json    payload.seq=4
