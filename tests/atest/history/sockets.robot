*** Settings ***
Documentation    Histories of real sockets, against a server that keeps or breaks its promises as the text says.

Library          WebSocketLibrary
Library          HistoryLibrary

Test Teardown    Close All Connections


*** Test Cases ***
What Passed Over Two Sockets Is Valid
    [Documentation]    PASS
    Open Sockets Of Alice And Bob
    Send From Alice    hello
    Send From Alice    again
    Both Drain
    History Should Be Valid    checks=lost, duplicate, reordered, foreign, unseen, diverging

What One Of Them Never Got Is Lost
    [Documentation]    FAIL The history is invalid: 1 lost.*bob never got message 1 of room (given to alice)*
    Open Sockets Of Alice And Bob
    Send From Alice    lose
    Both Drain
    History Should Be Valid

What One Of Them Got Twice Is A Duplicate
    [Documentation]    FAIL The history is invalid: 1 duplicate.*bob was given message 1 of room a second time*
    Open Sockets Of Alice And Bob
    Send From Alice    double
    Both Drain
    History Should Be Valid

What Was Changed On The Way Diverges
    [Documentation]    FAIL *diverging: message 1 of room is one thing to alice and another to bob*
    Open Sockets Of Alice And Bob
    Send From Alice    garble
    Both Drain
    History Should Be Valid

What Was Not Answered Before The End Is Unknown
    [Documentation]    PASS
    Open Sockets Of Alice And Bob
    Send Json
    ...    ${{ {'type': 'message.send', 'id': '9', 'payload': {'conversation_id': 'room', 'client_msg_id': 'm9', 'body': 'hang up'}} }}
    ...    connection=alice
    Connection Should Be Closed    alice    code=1012
    ${infos}    Get History    process=alice    op=send    kind=info
    Length Should Be    ${infos}    1
    ${ends}    Get History    process=alice    op=disconnect
    Should Be Equal    ${ends[0].note}    1012

Frames Can Be Imported Too
    [Documentation]    PASS
    Open Sockets Of Alice And Bob
    Send From Alice    hello
    Both Drain
    Start History    imported
    ${frames}    Get Frames    connection=bob
    Import Journal    bob    ${frames}
    ${new}    Import Journal    bob    ${frames}
    Should Be Equal    ${new}    ${0}
    ${received}    Get History    op=receive
    Length Should Be    ${received}    1


*** Keywords ***
Open Sockets Of Alice And Bob
    [Documentation]    Two recorded sockets, subscribed to the room.
    FOR    ${name}    IN    alice    bob
        Open Connection    ${URL}    alias=${name}
        Send And Wait
        ...    ${{ {'type': 'subscribe', 'id': '1', 'payload': {'conversation_id': 'room'}} }}
        ...    type=subscribed
    END
    Record Socket    alice    bob

Send From Alice
    [Documentation]    Alice sends a message and waits for its acknowledgement.
    [Arguments]    ${text}
    VAR    ${id}    ${{ str(random.random()) }}
    Send And Wait
    ...    ${{ {'type': 'message.send', 'id': $id, 'payload': {'conversation_id': 'room', 'client_msg_id': $id, 'body': $text}} }}
    ...    type=ack
    ...    connection=alice

Both Drain
    [Documentation]    The server answers in order, so a pong means that all before it has come.
    FOR    ${name}    IN    alice    bob
        Record Invoke    ${name}    drain
        Send And Wait    ${{ {'type': 'ping', 'id': 'p', 'payload': {}} }}    type=pong    connection=${name}
        Record Ok    ${name}    drain
    END
