*** Settings ***
Documentation       Every keyword, passing and failing; the documentation of a test is the verdict that it must have.
Library             WebSocketLibrary
Library             Collections
Test Teardown       Close All Connections    within=1s


*** Variables ***
${URL}              ws://set.by.the.test
${SLOW_HTTP}        ws://set.by.the.test


*** Test Cases ***
Open And Echo
    [Documentation]    PASS
    ${alias} =    Open Connection    ${URL}/echo
    Should Be Equal    ${alias}    connection-1
    Send Text    hällo
    ${frame} =    Wait For Frame    text=hällo
    Should Be Equal    ${frame.text}    hällo
    Should Be Equal    ${frame.direction.value}    received
    Connection Should Be Open

Open Fails When Refused
    [Documentation]    FAIL No socket opened: the handshake with ws://127.0.0.1:*/refuse/401 was refused with 401 Unauthorized, body '{"code": "token_expired", "status": 401}'
    Open Connection    ${URL}/refuse/401

Open Fails When Moved
    [Documentation]    FAIL No socket opened: the handshake with * was refused with 302 Found, body 'elsewhere'
    Open Connection    ${URL}/moved

Open Fails When Nobody Answers
    [Documentation]    FAIL No socket opened: the handshake with * got no answer within 300 ms
    Open Connection    ${SLOW_HTTP}/mute    timeout=300ms

Open Fails When The Server Hangs Up
    [Documentation]    FAIL No socket opened: the handshake with * failed: the server hung up during the handshake
    Open Connection    ${SLOW_HTTP}/hang-up

Open Fails When Nobody Listens
    [Documentation]    FAIL No socket opened: the handshake with ws://127.0.0.1:1/ failed: *onnect*127.0.0.1*
    Open Connection    ws://127.0.0.1:1/

Open Refuses Another Scheme
    [Documentation]    FAIL ValueError: 'http://127.0.0.1/' is not a ws:// or wss:// URL
    Open Connection    http://127.0.0.1/

An Alias In Use Is Refused
    [Documentation]    FAIL ValueError: alias 'a' belongs to a connection that is still open
    Open Connection    ${URL}/echo    a
    Open Connection    ${URL}/echo    a

An Unknown Connection Is Named
    [Documentation]    FAIL there is no connection 'b'; known: 'a'
    Open Connection    ${URL}/echo    a
    Send Text    x    b

Nothing Opened
    [Documentation]    FAIL no connection was opened
    Send Text    x

Two Connections Do Not Mix
    [Documentation]    PASS
    Open Connection    ${URL}/echo    a
    Open Connection    ${URL}/echo    b
    Send Text    for-a    a
    Send Text    for-b
    Wait For Frame    text=for-a    connection=a
    Wait For Frame    text=for-b    connection=b
    ${before} =    Switch Connection    a
    Should Be Equal    ${before}    b
    Count Frames    ==    1
    Count Frames    ==    0    where=text=for-b

Handshake Carries What Was Asked
    [Documentation]    PASS
    VAR    @{protocols}    chat.v1
    VAR    &{headers}    X-Extra=1
    VAR    ${token: Secret}    %{SOCKET_TOKEN}
    Open Connection    ${URL}/headers    token=${token}    subprotocols=${protocols}    headers=${headers}
    ...    origin=https://evil.test
    ${seen} =    Wait For Json
    Should Be Equal    ${seen.headers}[x-extra]    1
    Should Be Equal    ${seen.headers}[origin]    https://evil.test
    Should Be Equal    ${seen.headers}[authorization]    Bearer %{SOCKET_TOKEN}
    Should Be Equal    ${seen.headers}[x-test-id]    Keywords.Handshake Carries What Was Asked
    ${answer} =    Get Handshake Answer
    Should Be Equal    ${answer.subprotocol}    chat.v1
    Should Be Equal As Integers    ${answer.status}    101

Token As Subprotocol And In The Query
    [Documentation]    PASS
    VAR    @{protocols}    chat.v1
    Open Connection    ${URL}/headers    token=aaa.bbb.ccc    token_in=subprotocol    subprotocols=${protocols}
    ${seen} =    Wait For Json
    Should Be Equal    ${seen.headers}[sec-websocket-protocol]    chat.v1, bearer.aaa.bbb.ccc
    Open Connection    ${URL}/headers?x=1    token=a b    token_in=query
    ${seen} =    Wait For Json
    Should Be Equal    ${seen.query}    ${{ {"x": "1", "access_token": "a b"} }}

Refusal Is Seen Whole
    [Documentation]    PASS
    ${answer} =    Handshake Should Be Refused    ${URL}/refuse/401    401    code=token_expired
    ...    header.WWW-Authenticate=Bearer
    Should Be Equal    ${answer.json}[status]    ${401}
    ${answer} =    Handshake Should Be Refused    ${SLOW_HTTP}/late-body    status=403    code=origin_not_allowed
    Should Be Equal    ${answer.headers}[content-type]    application/json
    Handshake Should Be Refused    ${URL}/moved    302    header.location=/echo
    Handshake Should Be Refused    ${URL}/token    401    token=bad-token-0123456789
    Open Connection    ${URL}/token    token=good-token-0123456789

Refusal Fails When A Socket Opens
    [Documentation]    FAIL The handshake with ws://127.0.0.1:*/echo should be refused with 401, but a socket opened
    Handshake Should Be Refused    ${URL}/echo    401

Refusal Fails With Another Status
    [Documentation]    FAIL The handshake with * should be refused with 401, was 403 Forbidden, body *
    Handshake Should Be Refused    ${URL}/refuse/403    401

Refusal Fails With Another Body
    [Documentation]    FAIL The refusal should have code = 'token_revoked', but it is 'token_expired' in 401 Unauthorized*
    Handshake Should Be Refused    ${URL}/refuse/401    401    code=token_revoked

Refusal Fails With Another Header
    [Documentation]    FAIL The refusal should have header.retry-after = '1', but it is None in 401 *
    Handshake Should Be Refused    ${URL}/refuse/401    header.retry-after=1

Refusal Fails When Nobody Listens
    [Documentation]    FAIL The handshake with * should be refused with 401, but no HTTP answer came: *refused*
    Handshake Should Be Refused    ws://127.0.0.1:1/    401

Refusal Fails When The Server Hangs Up
    [Documentation]    FAIL The handshake with * should be refused, but no HTTP answer came: *
    Handshake Should Be Refused    ${SLOW_HTTP}/hang-up

Refusal Fails When Nobody Answers
    [Documentation]    FAIL The handshake with * should be refused, but no HTTP answer came: timed out
    Handshake Should Be Refused    ${SLOW_HTTP}/mute    timeout=300ms

Waits Go By Content
    [Documentation]    PASS
    Open Connection    ${URL}/events
    ${late} =    Wait For Json    type=notice    payload.seq=4
    Should Be True    ${late.payload.last}
    ${first} =    Wait For Json    type=message
    Should Be Equal    ${first.payload.seq}    ${1}
    ${third} =    Wait For Json    where=type == 'message' and payload.seq > 1
    Should Be Equal    ${third.payload.seq}    ${3}
    VAR    &{paths}    payload.tags.1=b    payload.last=false
    ${second} =    Wait For Frame    where=${paths}
    Should Be Equal    ${second.json}[payload][seq]    ${2}

A Frame Is Taken Once
    [Documentation]    FAIL No frame with type = 'message' and payload.seq = '1' on 'connection-*' within 100 ms, waited 0.1* s; 4 other frame(s) came, such as #1 *.\n4 frame(s) received, of these:\n*#1 +0.* text {"type": "notice", "payload": {"seq": 2,*\n*#3 +0*\nThe socket is open.
    Open Connection    ${URL}/events
    Wait For Json    type=message    payload.seq=1
    Wait For Json    payload.seq=4
    Wait For Json    type=message    payload.seq=1    within=100ms

Waiting Ends With The Socket
    [Documentation]    FAIL No frame with text = 'more' on 'connection-*' within 60 s, waited 0.* s until the socket was closed by peer with 4001 'as asked' * after opening.\n2 frame(s) received, of these:\n*#* +* text hello\n* close 4001 as asked\nThe socket is closed by peer with 4001 'as asked' 0.* s after opening.
    Open Connection    ${URL}/close/4001
    Send Text    go
    Wait For Frame    text=more    within=1 minute

A Mixed Expression Fails At Once
    [Documentation]    FAIL ValueError: 'type=ack and payload.seq > 1' mixes a path with an expression: in an expression equality is ==
    Open Connection    ${URL}/events
    Count Frames    ==    0    where=type=ack and payload.seq > 1

A Broken Expression Fails At Once
    [Documentation]    FAIL ValueError: 'type ==' is not a Python expression: invalid syntax
    Open Connection    ${URL}/events
    Wait For Frame    where=type ==

Control Frames Can Be Waited For
    [Documentation]    PASS
    Open Connection    ${URL}/ping
    Send Text    marco
    ${ping} =    Wait For Frame    opcode=ping
    Should Be Equal    ${ping.text}    marco
    Wait For Frame    text=answered

An Unanswered Ping
    [Documentation]    PASS
    Open Connection    ${URL}/ping    auto_pong=False
    Send Text    marco
    Wait For Frame    text=unanswered

Fragments Are Joined
    [Documentation]    PASS
    Open Connection    ${URL}/fragments
    ${frame} =    Wait For Frame    type=fragmented
    Should Be Equal As Integers    ${frame.fragments}    4

Nothing Should Arrive
    [Documentation]    PASS
    Open Connection    ${URL}/events
    Wait For Json    payload.seq=4
    ${position} =    Get Journal Position
    Frame Should Not Arrive    type=ack    for=50ms
    Frame Should Not Arrive    type=message    within=50ms    since=${position}

Nothing Should Arrive But Did Before
    [Documentation]    FAIL No frame with type = 'message' should arrive on 'connection-*', but this did: #* +0.* text {"type": "message"*
    Open Connection    ${URL}/events
    Wait For Json    payload.seq=4
    Frame Should Not Arrive    type=message

Nothing Should Arrive But Does
    [Documentation]    FAIL No frame with any data frame should arrive on 'connection-*', but this did: #1 +0.* text boo.*
    Open Connection    ${URL}/late/50
    Send Text    boo
    Frame Should Not Arrive    for=5s

Nothing Should Arrive On A Dead Socket
    [Documentation]    FAIL No frame with text = 'x' should arrive on 'connection-*' for 5 s, but that cannot be known: the socket is closed by peer with 4009 'at once' *
    Open Connection    ${URL}/close_at_once/4009
    Frame Should Not Arrive    text=x    for=5s

Nothing Should Arrive Even Closed
    [Documentation]    PASS
    Open Connection    ${URL}/close_at_once/4009
    Connection Should Be Closed
    Frame Should Not Arrive    text=x    for=10ms    even_closed=True

Counting
    [Documentation]    PASS
    Open Connection    ${URL}/events
    Count Frames    ==    4    within=2s
    ${n} =    Count Frames    where=type=message
    Should Be Equal    ${n}    ${2}
    Count Frames    >=    1    where=payload.last
    VAR    &{hello}    say=hello
    Send Json    ${hello}
    Count Frames    ==    1    where=type == 'ack' and payload.got.say == 'hello'    within=2s
    Count Frames    ==    1    direction=sent
    ${frames} =    Get Frames    type=message
    Length Should Be    ${frames}    2

What Was Sent Is In The Journal At Once
    [Documentation]    PASS
    Open Connection    ${URL}/events
    FOR    ${n}    IN RANGE    1    50
        Send Text    number ${n}
        Count Frames    ==    ${n}    direction=sent
    END
    ${frames} =    Get Frames    direction=sent
    Should Be Equal    ${frames[-1].text}    number 49

Counting Fails
    [Documentation]    FAIL Count of frames with type = 'message' on 'connection-*' '2' (int) should be '5' (int) (waited 0.1* s); 4 other frame(s) came, such as #1 *.\n*frame(s) received*
    Open Connection    ${URL}/events
    Wait For Json    payload.seq=4
    Count Frames    ==    5    where=type=message    within=100ms

Counting Ends With The Socket
    [Documentation]    FAIL Count of frames with any data frame on 'connection-*' '1' (int) should be '5' (int) (waited 0.* s) until the socket was closed by peer with 4001*
    Open Connection    ${URL}/close/4001
    Send Text    go
    Count Frames    ==    5    within=1 minute

Send And Wait Ignores What Came Before
    [Documentation]    PASS
    Open Connection    ${URL}/echo
    Send Text    same
    Wait For Frame    text=same
    Send Text    same
    Count Frames    ==    2    within=2s
    VAR    &{message}    id=7    deep=${{ {"list": [1, {"x": None}]} }}
    ${reply} =    Send And Wait    ${message}    id=7    deep.list.1.x=null
    Should Be Equal As Integers    ${reply.index}    5

Send And Wait Fails
    [Documentation]    FAIL No frame with type = 'ack' on 'connection-*' within 100 ms, waited 0.1* s; no frame came.\nNo frame received.\nThe socket is open.
    Open Connection    ${URL}/silent
    Send And Wait    hello    type=ack    within=100ms

Send Json Takes Text And Secrets
    [Documentation]    PASS
    Open Connection    ${URL}/echo
    VAR    ${secret: Secret}    %{SOCKET_TOKEN}
    VAR    &{message}    type=reauth    token=${secret}
    Send Json    ${message}
    Wait For Json    token=%{SOCKET_TOKEN}
    Send Json    [1, 2]
    Wait For Frame    where=json == [1, 2]
    Log Journal

Send Json Refuses Other Text
    [Documentation]    FAIL ValueError: not JSON: * what is malformed on purpose is sent by Send Text
    Open Connection    ${URL}/echo
    Send Json    {"half":

Binary And Fragmented
    [Documentation]    PASS
    Open Connection    ${URL}/echo
    ${size} =    Send Binary    ${{b"\x00\xff"}}
    Should Be Equal    ${size}    ${8}
    ${frame} =    Wait For Frame    opcode=binary
    Should Be Equal    ${frame.body}    ${{b"\x00\xff"}}
    Send Fragmented    hello world    4
    Wait For Frame    text=hello world
    Send Fragmented    never done    2    finish=False
    Send Raw Frame    tick    opcode=ping
    Wait For Frame    opcode=pong
    Frame Should Not Arrive    for=50ms

Raw Frames That Break The Rules
    [Documentation]    PASS
    Open Connection    ${URL}/echo    utf8
    Send Raw Frame    ${{b"\xff\xfe"}}
    Connection Should Be Closed    code=1007
    Open Connection    ${URL}/echo    opcode
    Send Raw Frame    x    opcode=0x3
    Connection Should Be Closed    code=1002
    Open Connection    ${URL}/echo    unmasked
    Send Raw Frame    x    masked=False
    Connection Should Be Closed    code=1002
    Open Connection    ${URL}/echo    reserved
    Send Raw Frame    x    rsv=2
    Connection Should Be Closed    code=1002
    Open Connection    ${URL}/echo    too-big
    Send Raw Frame    x    length=${${2} ** 40}
    Connection Should Be Closed    code=1009
    Open Connection    ${URL}/echo    bytes
    Send Raw Bytes    ${{b"\x81\x85abcdhi"}}
    Send Raw Bytes    ${{b"..."}}
    ${frame} =    Wait For Frame
    Length Should Be    ${frame.body}    5

Closed With The Code
    [Documentation]    PASS
    Open Connection    ${URL}/close/4001
    Send Text    go
    ${code} =    Connection Should Be Closed    code=4001    reason=as asked    within=2s
    Should Be Equal    ${code}    ${4001}
    Get Close Code    ==    4001
    Get Close Reason    *=    asked
    Connection Should Be Closed    code=${{[4001, 1012]}}
    Open Connection    ${URL}/close_without_code
    Connection Should Be Closed    code=1005

Closed With Another Code
    [Documentation]    FAIL Connection 'connection-*' should be closed by the peer with 4003, but was closed by peer with 4001 'as asked' 0.* s after opening.*
    Open Connection    ${URL}/close/4001
    Send Text    go
    Connection Should Be Closed    code=4003

Closed For Another Reason
    [Documentation]    FAIL Connection 'connection-*' should be closed by the peer with 4001 for reason 'bored', but was closed by peer with 4001 'as asked'*
    Open Connection    ${URL}/close/4001
    Send Text    go
    Connection Should Be Closed    code=4001    reason=bored

Not Closed
    [Documentation]    FAIL Connection 'connection-*' should be closed by the peer with 4001 within 100 ms, but after 0.1* s it is open.\n1 frame(s) received, of these:\n*text hello\nThe socket is open.
    Open Connection    ${URL}/close/4001
    Wait For Frame    text=hello
    Connection Should Be Closed    code=4001    within=100ms

Closed By This Side Proves Nothing
    [Documentation]    FAIL Connection 'connection-*' should be closed by the peer with 1000, but was closed by this side with 1000*
    Open Connection    ${URL}/echo
    Close Connection
    Connection Should Be Closed    code=1000

Dropped By This Side Proves Nothing
    [Documentation]    FAIL Connection 'connection-*' should be closed by the peer, but was closed by this side with 1006*
    Open Connection    ${URL}/echo
    Drop Connection
    Connection Should Be Closed

Close Code Getter Fails
    [Documentation]    FAIL Close code of 'connection-*' did not become * '4001' in 100 ms; last seen: None
    Open Connection    ${URL}/echo
    Get Close Code    ==    4001    within=100ms

Lost Without A Close Frame
    [Documentation]    PASS
    Open Connection    ${URL}/crash
    Send Text    go
    Connection Should Be Closed    code=1006

Unfinished Message Is Kept
    [Documentation]    PASS
    Open Connection    ${URL}/crash_in_fragments
    Send Text    go
    Connection Should Be Closed    code=1006
    ${frames} =    Get Frames    where=not frame.complete
    Should Be Equal    ${frames[0].text}    {"half":
    Count Frames    ==    0

A Peer That Breaks The Protocol
    [Documentation]    FAIL Connection 'connection-*' should be open, but it is closed by peer with 1006 (the peer broke the protocol: Received masked frame from server*
    Open Connection    ${URL}/masked
    Connection Should Be Open    hold=5s

Close Tells The Peer
    [Documentation]    PASS
    Open Connection    ${URL}/echo/told    told
    Close Connection    code=4123    reason=done here
    Close Connection
    Open Connection    ${URL}/echo/dropped
    Drop Connection
    Get Close Code    ==    1006

Close Fails When The Peer Is Deaf
    [Documentation]    FAIL The peer of 'connection-*' did not answer the close frame within 200 ms.*
    Open Connection    ${URL}/deaf
    Close Connection    within=200ms

Close All Drops The Deaf
    [Documentation]    PASS
    Open Connection    ${URL}/deaf
    Open Connection    ${URL}/echo
    ${count} =    Close All Connections    within=200ms
    Should Be Equal    ${count}    ${2}

Sending On A Closed Socket Fails
    [Documentation]    FAIL connection 'connection-*' is not open: closed by peer with 4009 'at once' 0.* s after opening
    Open Connection    ${URL}/close_at_once/4009
    Connection Should Be Closed    code=4009
    Send Text    too late

Should Be Open But Is Closed
    [Documentation]    FAIL Connection 'connection-*' should be open, but it is closed by peer with 4009 'at once'*
    Open Connection    ${URL}/close_at_once/4009
    Connection Should Be Open    hold=5s

A Stalled Reader
    [Documentation]    PASS
    Open Connection    ${URL}/flood
    Pause Reading
    Send Text    go
    Wait For Frame And Expect None
    Resume Reading
    Connection Should Be Closed    code=1006    within=10s

Lost Sockets Are Not Reopened
    [Documentation]    PASS
    Open Connection    ${URL}/close_at_once/1012
    Connection Should Be Closed    code=1012
    Run Keyword And Expect Error    connection * is not open: *    Send Text    x
    Run Keyword And Expect Error    connection * is not open: *    Send Binary    x
    Run Keyword And Expect Error    connection * is not open: *    Send Raw Frame    x
    Run Keyword And Expect Error    connection * is not open: *    Send Fragmented    x


*** Keywords ***
Wait For Frame And Expect None
    Run Keyword And Expect Error    No frame with any data frame*    Wait For Frame    within=1500ms
