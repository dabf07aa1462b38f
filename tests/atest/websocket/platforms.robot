*** Settings ***
Documentation       Each test's documentation is its declared verdict: tokens, pings and refusals of other platforms.
Library             WebSocketLibrary
Suite Setup         Read Tokens
Test Teardown       Close All Connections


*** Test Cases ***
A Token Travels As A Query Parameter Of Another Name
    [Documentation]    PASS
    Open Connection    ${URL}/headers    token=${BAD}    token_in=query    query_name=auth token
    ${frame} =    Wait For Json
    Should Be Equal    ${{ $frame.query }}    ${{ {'auth token': $BAD.value} }}

A First Frame Authenticates
    [Documentation]    PASS
    VAR    &{hello}    type=auth    token={token}
    Open Connection    ${URL}/login    token=${GOOD}    token_in=frame    first_frame=${hello}    welcome=type=welcome
    Send Json    {"type": "one"}
    Wait For Json    type=one
    Count Frames    ==    1    where=type == 'welcome' and user == 'u1'
    ${taken} =    Run Keyword And Return Status    Wait For Json    type=welcome    within=50ms
    Should Not Be True    ${taken}    the welcome is taken

A Greeting Before The Welcome Stays For Later Waits
    [Documentation]    FAIL No frame with type = 'welcome' on * within 50 ms, *
    VAR    &{hello}    token={token}
    Open Connection    ${URL}/login/greeting    token=${GOOD}    token_in=frame    first_frame=${hello}    welcome=type=welcome
    Wait For Json    type=greeting
    Wait For Json    type=welcome    within=50ms

A First Frame May Be A Text
    [Documentation]    PASS
    Open Connection    ${URL}/login    token=${GOOD}    token_in=frame    first_frame={"token": "{token}", "x": 1}
    Wait For Json    type=welcome    got=["token", "x"]

A First Frame That Is Refused By An Error Opens Nothing
    [Documentation]    FAIL No socket opened: ws*/login/error did not welcome the first frame: an error came in its place: {"type": "error", "payload": {"code": "bad_token"}}
    VAR    &{hello}    token={token}
    Open Connection    ${URL}/login/error    token=${BAD}    token_in=frame    first_frame=${hello}    welcome=type=welcome

A First Frame That Is Refused By A Close Opens Nothing
    [Documentation]    FAIL No socket opened: * did not welcome the first frame: the socket was closed with 4401 'not you'
    VAR    &{hello}    token={token}
    Open Connection    ${URL}/login/4401    token=${BAD}    token_in=frame    first_frame=${hello}    welcome=type=welcome

A First Frame Without An Answer Opens Nothing
    [Documentation]    FAIL No socket opened: * did not welcome the first frame: no answer within 200 ms
    VAR    &{hello}    token={token}
    Open Connection    ${URL}/login/mute    token=${BAD}    token_in=frame    first_frame=${hello}    welcome=type=welcome
    ...    timeout=200ms

What Did Not Open Is Not There
    [Documentation]    PASS
    VAR    &{hello}    token={token}
    Run Keyword And Expect Error    No socket opened: *    Open Connection    ${URL}/login/error    never    token=${BAD}
    ...    token_in=frame    first_frame=${hello}    welcome=type=welcome
    Run Keyword And Expect Error    *'never'*    Send Text    x    connection=never

Many Sockets Authenticate By Their First Frames
    [Documentation]    PASS
    VAR    &{hello}    token={token}
    ${aliases} =    Open Connections    ${URL}/login    5    tokens=${{ [$GOOD] }}    token_in=frame    first_frame=${hello}
    ...    welcome=type=welcome
    Length Should Be    ${aliases}    5
    Send On All    {"n": "{n}"}    times=2
    ${frames} =    Collect On All    2
    Should Be Equal    ${{ [frame.json['n'] for frame in $frames['bulk-3']] }}    ${{ [0, 1] }}

One Of Many That Is Refused Is Counted
    [Documentation]    FAIL 2 of 4 sockets did not open; 2 × No socket opened: * did not welcome the first frame: an error came in its place: *
    VAR    &{hello}    token={token}
    Open Connections    ${URL}/login/error    4    tokens=${{ [$GOOD, $BAD] }}    token_in=frame    first_frame=${hello}
    ...    welcome=type=welcome

A Token Needs A Place In The First Frame
    [Documentation]    FAIL ValueError: token_in=frame needs a first_frame, a message with {token} in it
    Open Connection    ${URL}/login    token=${GOOD}    token_in=frame    first_frame=hello

A Place In The First Frame Needs A Token
    [Documentation]    FAIL ValueError: the first_frame has {token} in it, and there is no token
    Open Connection    ${URL}/login    token_in=frame    first_frame={"token": "{token}"}

A Place In The First Frame Is Where The Token Goes
    [Documentation]    FAIL ValueError: the first_frame has {token} in it: say token_in=frame
    Open Connection    ${URL}/login    token=${GOOD}    first_frame={"token": "{token}"}

A Welcome Answers A First Frame
    [Documentation]    FAIL ValueError: welcome is the answer to a first_frame, and there is none
    Open Connection    ${URL}/login    welcome=type=welcome

A Ping Of The Application Is Answered
    [Documentation]    PASS
    VAR    &{heartbeat}    when=type=ping    send=${{ {'type': 'pong', 'n': '{n}', 'of': {'missing': '{a.b}'}} }}
    Open Connection    ${URL}/beat    heartbeat=${heartbeat}
    Send Json    {"type": "one"}
    ${first} =    Wait For Frame
    Should Be Equal    ${first.json}[type]    one    a ping is no data
    Send Json    {"type": "report"}
    Wait For Json    type=report    pongs=[{"type": "pong", "n": 1, "of": {"missing": null}}]
    Count Frames    ==    1    where=type=ping
    ${sent} =    Get Frames    where=type=pong    direction=sent
    Should Be Equal    ${{ [frame.heartbeat for frame in $sent] }}    ${{ [True] }}

A Ping In Fragments Is Answered
    [Documentation]    PASS
    VAR    &{heartbeat}    when=type == 'ping'    send=${{ {'type': 'pong'} }}
    Open Connection    ${URL}/beat/fragments    heartbeat=${{ [$heartbeat] }}
    Send Json    {"type": "one"}
    Wait For Json    type=one
    Send Json    {"type": "report"}
    Wait For Json    type=report    pongs=[{"type": "pong"}]

Without A Heartbeat A Ping Is A Frame
    [Documentation]    PASS
    Open Connection    ${URL}/beat
    Send Json    {"type": "one"}
    ${first} =    Wait For Frame
    Should Be Equal    ${first.json}[type]    ping
    Send Json    {"type": "report"}
    Wait For Json    type=report    pongs=[]

Heartbeats Are No Answers And No Requests
    [Documentation]    PASS
    VAR    &{heartbeat}    when=type=ping    send={"type": "pong"}
    Open Connections    ${URL}/beat    3    heartbeat=${heartbeat}
    ${done} =    Exchange On All    {"n": "{n}"}    times=4
    Should Be Equal    ${done.count}    ${12}
    Length Should Be    ${done.latencies}    12
    Send On All    {"n": "{n}"}    times=3
    ${frames} =    Collect On All    3
    Should Be Equal    ${{ [frame.json['n'] for frame in $frames['bulk-1']] }}    ${{ [0, 1, 2] }}

A Heartbeat That Is None Is Refused
    [Documentation]    FAIL ValueError: heartbeat: when and send are needed and nothing else, not *
    Open Connection    ${URL}/beat    heartbeat=${{ {'when': 'type=ping'} }}

A Refusal May Have One Of Several Statuses
    [Documentation]    PASS
    Handshake Should Be Refused    ${URL}/refuse/403    [401, 403]
    Handshake Should Be Refused    ${URL}/refuse/403    403
    Handshake Should Be Refused    ${URL}/refuse/403    ${{ [403] }}    code=token_expired

A Refusal Of Another Status Is Shown
    [Documentation]    FAIL The handshake with * should be refused with 401 or 404, was 403 Forbidden, body *
    Handshake Should Be Refused    ${URL}/refuse/403    [401, 404]

A Status That Is No Refusal Is Refused
    [Documentation]    FAIL ValueError: the status of a refusal is needed, which 101 is not, not [101]
    Handshake Should Be Refused    ${URL}/refuse/403    [101]

A First Frame Cannot Be Refused By The Handshake
    [Documentation]    FAIL ValueError: a first frame comes after the handshake, which cannot be refused because of it
    Handshake Should Be Refused    ${URL}/refuse/403    token=${BAD}    token_in=frame


*** Keywords ***
Read Tokens
    VAR    ${GOOD: Secret}    ${{ robot.api.types.Secret('good-token-' + '0123456789') }}    scope=SUITE
    VAR    ${BAD: Secret}    %{SOCKET_TOKEN}    scope=SUITE
