*** Settings ***
Documentation       Errors in the place of what is awaited, and errors that are something else.
Library             WebSocketLibrary
Test Setup          Open Connection    ${URL}/say    socket
Test Teardown       Close All Connections    within=1s


*** Variables ***
${URL}              ws://set.by.the.test
&{AWAY}             code=unavailable    detail=the database is away
&{ERROR}            type=error    payload=${AWAY}
&{NAMELESS}         type=error    payload=${AWAY}    id=${None}
&{ANOTHERS}         type=error    payload=${AWAY}    id=another
&{ACK}              type=ack
&{EVENT}            type=event    id=${None}


*** Test Cases ***
An Error Ends A Wait At Once
    [Documentation]    FAIL No frame with type = 'ack' and id = '1' on 'socket' within 60 s, waited * s until an error came in its place: #3 +* text {"id": "1", "type": "error", "payload": {"code": "unavailable"*}}.\n2 frame(s) received, of these:\n* #3 * text {"id": "1", "type": "error"*\n* #1 * ping*
    Ask    1    ping    ${ERROR}
    Wait For Json    type=ack    id=1    within=1 minute

An Error Ends A Wait That Names No Id
    [Documentation]    FAIL No frame with type = 'ack' on 'socket' within 60 s, waited * s until an error came in its place: *unavailable*
    Ask    1    ${ERROR}
    Wait For Frame    type=ack    within=1 minute

An Error Ends A Wait By Expression
    [Documentation]    FAIL No frame with [type == 'ack' and payload.seq > 3] * until an error came in its place: *unavailable*
    Ask    1    ${ERROR}
    Wait For Frame    where=type == 'ack' and payload.seq > 3    within=1 minute

An Error Without An Id Ends The Wait For The Only Request
    [Documentation]    FAIL * until an error came in its place: *unavailable*
    Ask    1    ${NAMELESS}
    Wait For Json    type=ack    id=1    within=1 minute

An Error In The Place Of A Greeting Ends The Wait
    [Documentation]    FAIL No frame with type = 'welcome' * until an error came in its place: *unavailable*
    Open Connection    ${URL}/error_at_once
    Wait For Json    type=welcome    within=1 minute

An Error Ends Send And Wait
    [Documentation]    FAIL No frame with type = 'ack' * until an error came in its place: *unavailable*
    Ask    1    ${ERROR}
    Wait For Json    type=error
    VAR    @{say}    ${ERROR}
    VAR    &{frame}    id=2    say=${say}
    Send And Wait    ${frame}    type=ack    within=1 minute

An Error Ends A Count
    [Documentation]    FAIL Count of frames with type = 'ack' on 'socket' '0' (int) should be '2' (int) (waited * s) until an error came in its place: *unavailable*
    Ask    1    ${ERROR}
    Count Frames    ==    2    where=type=ack    within=1 minute

The Second Of Two Waits Ends
    [Documentation]    FAIL No frame with type = 'ack' * until an error came in its place: *"id": "2"*unavailable*
    Ask    1    ${ACK}
    Ask    2    ${ERROR}
    Wait For Json    type=ack
    Wait For Json    type=ack    within=1 minute

The Answer Is Taken Though An Error Came
    [Documentation]    PASS
    Ask    1    ${ANOTHERS}    ${ACK}    ${ERROR}
    Wait For Json    type=ack    id=1

The Error That Is Awaited
    [Documentation]    PASS
    Ask    1    ${ERROR}
    ${error} =    Wait For Json    type=error    id=1
    Should Be Equal    ${error.payload.code}    unavailable

Another Error Than The One Awaited
    [Documentation]    PASS
    VAR    &{busy}    code=busy
    VAR    &{other}    type=error    payload=${busy}
    Ask    1    ${ERROR}    ${other}
    Wait For Json    type=error    payload.code=busy
    Ask    2    ${ERROR}    ${other}
    Wait For Json    where=type == 'error' and payload.code == 'busy'

The Error Of Another Request
    [Documentation]    PASS
    Ask    1    ${ERROR}
    Ask    2    ${ANOTHERS}    ${ACK}
    Wait For Json    type=ack    id=2
    Ask    3    ${ERROR}
    Ask    4    ${ACK}
    Wait For Json    type=ack

The Error Of A Request That Says Something Else
    [Documentation]    PASS
    VAR    @{refused}    ${ERROR}
    VAR    &{first}    id=1    room=red    say=${refused}
    Send Json    ${first}
    VAR    &{told}    type=message    room=green
    VAR    @{answers}    ${told}
    VAR    &{second}    id=2    room=green    say=${answers}
    Send Json    ${second}
    Wait For Json    type=message    room=green

An Old Error Is No News
    [Documentation]    PASS
    Ask    1    ${ERROR}
    Ask    2    ${ACK}
    Wait For Json    type=ack    id=2
    Run Keyword And Expect Error    *; 2 other frame(s) came, such as*    Wait For Json    type=event    within=50ms

A Counted Error Is No News
    [Documentation]    PASS
    Ask    1    ${ERROR}
    Count Frames    ==    1    where=type=error    within=2s
    Run Keyword And Expect Error    *; 1 other frame(s) came, such as*    Wait For Json    type=event    within=50ms

A Reported Error Is No News
    [Documentation]    PASS
    Ask    1    ${ERROR}
    Run Keyword And Expect Error    *until an error came*    Wait For Json    type=event    within=1 minute
    Run Keyword And Expect Error    *; 1 other frame(s) came, such as*    Wait For Json    type=event    within=50ms

A Close After The Error Can Be Waited For
    [Documentation]    PASS
    Ask    1    ${ERROR}    ${4000}
    Count Frames    ==    2    where=True    within=5s
    Wait For Frame    opcode=close
    Open Connection    ${URL}/say    other
    Ask    1    ${ERROR}
    Run Keyword And Expect Error    * within 50 ms, waited * s; *    Wait For Frame    opcode=close    within=50ms

Errors Are What The Connection Says
    [Documentation]    FAIL * until an error came in its place: *"ok": false*
    VAR    &{refusal}    ok=${False}    reason=busy
    Open Connection    ${URL}/say    other    error_frames=ok=false
    Ask    1    ${ERROR}    ${refusal}
    Wait For Json    ok=true    within=1 minute

No Frame Is An Error Where The Connection Says So
    [Documentation]    FAIL * within 50 ms, waited * s; 1 other frame(s) came, such as *unavailable*
    Open Connection    ${URL}/say    other    error_frames=none
    Ask    1    ${ERROR}
    Count Frames    ==    1    within=5s
    Wait For Json    type=ack    within=50ms

Errors Among Many Pings Are Shown
    [Documentation]    FAIL * within 50 ms, * 9 other frame(s) came, such as #* text *"another"*\n9 frame(s) received, of these:\n* #* text *"another"*\n* text *"event"*\n* ping*
    Ask    1    ${ANOTHERS}    ${EVENT}    ping    ping    ping    ping    ping    ping    ping
    Count Frames    ==    9    where=True    within=5s
    Wait For Json    type=ack    within=50ms

Many Sockets Wait No Longer Than The First Error
    [Documentation]    FAIL 100 of 100 sockets did not receive 2 frame(s) with type = 'ack' within 60 s, ended after * s by an error; user-*: #* text {"id": "*-1", "type": "error"*unavailable*}\n*
    Open Connections    ${URL}/say    100    alias=user
    VAR    @{well}    ${ACK}
    VAR    @{refused}    ping    ${ERROR}
    VAR    &{frame}    id={alias}-{n}    say=${well}
    Send On All    ${frame}    ${{ [f"user-{n}" for n in range(100)] }}
    VAR    &{frame}    id={alias}-1    say=${refused}
    Send On All    ${frame}    ${{ [f"user-{n}" for n in range(100)] }}
    Collect On All    2    ${{ [f"user-{n}" for n in range(100)] }}    where=type=ack    within=1 minute

Enough Others Are Left
    [Documentation]    PASS
    Open Connections    ${URL}/say    3
    VAR    @{sockets}    bulk-0    bulk-1    bulk-2
    VAR    @{refused}    ${ERROR}
    VAR    &{frame}    id={n}    say=${refused}
    Send On All    ${frame}    ${sockets}
    VAR    @{well}    ${ACK}
    VAR    &{frame}    id=w{n}    say=${well}
    Send On All    ${frame}    ${sockets}    times=2
    Collect On All    2    ${sockets}    where=type=ack
    Collect On All    1    ${sockets}    where=type=error

An Error Is None Of The Frames That Are Counted
    [Documentation]    FAIL * of 3 sockets did not receive 1 frame(s) within 60 s, ended after * s by an error; bulk-1: #1 * text {"id": "b", "type": "error"*
    Open Connections    ${URL}/say    3
    VAR    @{sockets}    bulk-0    bulk-1    bulk-2
    VAR    @{types}    ack    error    ack
    Send On All    {"id": "b", "say": [{"type": "{type}"}]}    ${sockets}    type=${types}
    Collect On All    1    ${sockets}    within=1 minute

An Error Ends A Count Of Frames
    [Documentation]    FAIL 1 of 1 sockets did not receive 3 frame(s) within 60 s, ended after * s by an error; socket: #1 * text {"id": "1", "type": "error"*
    VAR    @{socket}    socket
    Ask    1    ${ERROR}
    Collect On All    3    ${socket}    within=1 minute

Errors Are Collected By Name
    [Documentation]    PASS
    VAR    @{socket}    socket
    Ask    1    ${ERROR}    ${ERROR}
    Collect On All    2    ${socket}    where=type=error

An Error Behind What Was Collected
    [Documentation]    PASS
    VAR    @{socket}    socket
    Ask    1    ${ACK}    ${ERROR}
    Count Frames    ==    2    within=2s
    Collect On All    1    ${socket}

An Error Is No Answer Of An Exchange
    [Documentation]    FAIL 1 of 1 sockets did not receive 3 answer(s) within 60 s, ended after * s by an error; socket: #1 * text {"id": "x", "type": "error"*
    VAR    @{socket}    socket
    Exchange On All    {"id": "x", "say": [{"type": "error"}]}    ${socket}    times=3    replies=2    within=1 minute

An Exchange Of Errors Is None
    [Documentation]    FAIL * sockets did not receive 1 answer(s) within 60 s, ended after * s by an error; socket: #1 * text {"id": "x", "type": "error"*
    VAR    @{socket}    socket
    Exchange On All    {"id": "x", "say": [{"type": "error"}]}    ${socket}    within=1 minute

An Error Ends An Exchange In The Background
    [Documentation]    FAIL * ended after * s by an error; socket: #* text {"id": "x", "type": "error"*
    VAR    @{socket}    socket
    Start Exchange    {"id": "x", "say": [{"type": "error"}]}    ${socket}    replies=2
    Stop Exchange    within=1 minute


*** Keywords ***
Ask
    [Documentation]    Sends a request with this id; the server says these frames.
    [Arguments]    ${id}    @{say}
    VAR    &{frame}    id=${id}    say=${say}
    Send Json    ${frame}
