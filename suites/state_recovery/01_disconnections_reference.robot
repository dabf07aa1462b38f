*** Settings ***
Documentation       However a connection ends, the tab that comes back finds its state, its answers, and each message once.
...                 Sources: RFC 6455 §7.1.7 (a connection may end without a close frame), §5.4 (fragments) and §7.4.1 (1006);
...                 docs/protocol.md §4 (resume, answers in chunks, acknowledged after commit); judged by the recorded history.
Library             String
Library             BudgetLibrary
Resource            recovery.resource
Resource            outage.resource
Suite Setup         Open Private Platform    backends=2    proxies=client->backend    CLOSE_GRACE=1    ANSWER_LEASE=2
...                     instance_env=${{ {'backend-2': {'CHUNK_DELAY': '0.2'}} }}
Suite Teardown      Leave Platform
Test Teardown       Restore Tab Connections
Test Tags           state-recovery    p0    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Variables ***
${QUESTION}             A question so long that it is answered in seven pieces and nobody takes half an answer for all of it
${LONG_QUESTION}        ${{ 'Tell me all of it, from the beginning. ' * 12 }}
${HOLDS_THE_ANSWER}     type == 'message' and payload.role == 'assistant'
...                     or type == 'message.batch' and payload.messages[-1].role == 'assistant'


*** Test Cases ***
A Tab Keeps Its State However Its Connection Ends
    [Documentation]    The state of the tab, the head that ``resumed`` names, and how many messages it says it has replayed.
    [Tags]    id:R01-07    req:R01    req:R06    needs:net.faults    needs:control.kill    needs:control.restart
    Open Tab With State
    Silence Tab Until It Is Given Up
    Tab Should Find Everything At    backend-1
    Close Connection    tab
    Tab Should Find Everything At    backend-1
    Drop Socket Connection    tab
    Tab Should Find Everything At    backend-2
    Kill And Restart Replica Of Tab
    Tabs Should Have Received Everything    rows=21

An Answer Cut Anywhere Is Whole After The Return
    [Tags]    id:R04-01    req:R04    proto:R4.02    needs:assistant    needs:net.faults
    Create User With Conversation    assistant=True
    Measure Answer Piece By Piece
    No Other Event Should Be Pending
    Cut Tab After Each Piece
    Tabs Should Have Received Everything    rows=${{ 2 * len($CONVERSATIONS) }}

An Answer Whose Replica Dies Is Begun Again By Another
    [Tags]    id:R04-02    req:R04    proto:4.48    proto:R4.03    needs:assistant    needs:control.kill
    Open Tab In Conversation    ${BACKEND_2_SOCKET_URL}    assistant=True
    Send Chat Message    ${LONG_QUESTION}    tab
    Wait For Json    connection=tab    type=message.chunk    payload.offset=16
    Kill Service    backend-2
    Open Socket Should Be Closed With    1006    tab    within=10s
    Open Own Tab
    Resume Tab    missed=0
    Answer Should Be Whole    You said: ${LONG_QUESTION}
    Each Attempt Should Be Without Gap
    Tabs Should Have Received Everything    rows=2

A Commit Under Way When The Connection Breaks Counts Once
    [Tags]    id:R07-02    req:R07    proto:R1.08
    Open Tab In Conversation
    Count What Is Stored
    Hold Conversation In Main Database
    Send From Tab    20
    Wait Until Commit Is Under Way
    Close Tab Before Answer
    Disconnect From Database    alias=holder
    Conversation Should Become    20
    Reconnect Tab And Send Again    20    and_new=5
    Tabs Should Have Received Everything    rows=25


*** Keywords ***
Restore Tab Connections
    [Documentation]    Closes what is open, heals the network, and starts the replicas that are down.
    Disconnect From Database    alias=holder
    Drop Connections
    Close All Connections
    Heal All
    FOR    ${replica}    IN    backend-1    backend-2
        Run Keyword And Ignore Error    Start Service    ${replica}
    END

Close Tab Before Answer
    [Documentation]    The tab receives nothing any more and cuts its own end.
    Drop Socket Connection    tab

Silence Tab Until It Is Given Up
    [Documentation]    What is sent into the silence reaches nobody; the tab comes back to the other replica, and the first one, which
    ...    cannot reach it, ends the socket that was replaced.
    Silence Connection    client->backend-1
    Send From Other Device    Into the silence    And into it again
    Close Tab Before Answer
    Tab Should Find Everything At    backend-2    unreceived=2
    Wait Until Keyword Passes    10s    Log Should Report Ended Socket    backend-1
    Heal Connection    client->backend-1
    Close Tab Before Answer

Kill And Restart Replica Of Tab
    [Documentation]    Each time the tab comes back to the other one.
    Kill Service    backend-2
    Open Socket Should Be Closed With    1006    tab    within=10s
    Start Service    backend-2
    Tab Should Find Everything At    backend-1
    Restart Service    backend-1
    Open Socket Should Be Closed With    1012    tab    within=10s
    Tab Should Find Everything At    backend-2

Log Should Report Ended Socket
    [Documentation]    The replica has ended a socket of this test.
    [Arguments]    ${replica}
    ${log} =    Get Service Log    ${replica}
    ${lines} =    Get Lines Containing String    ${log}    ${TEST_NAME}
    Should Contain    ${lines}    "socket_closed"    ${replica} keeps the socket of a tab that has gone

Measure Answer Piece By Piece
    [Documentation]    One answer on an undisturbed socket. Sets ``CUTS``: how many bytes after the question each frame has come to begin
    ...    and to be half through, from the first piece to the finished answer. A conversation for each is added to
    ...    ``CONVERSATIONS``.
    Open Own Tab
    Subscribe    tab
    ${from} =    Get Journal Position    tab
    Ask Question
    Answer Should Be Whole    You said: ${QUESTION}
    ${frames} =    Get Frames    connection=tab    since=${from}
    ${cuts} =    Get Boundaries And Middles    ${frames}
    ${more} =    Create Conversation For Each    ${{ [$USER] * len($cuts) }}    assistant=True
    VAR    @{CUTS}    @{cuts}    scope=TEST
    VAR    @{CONVERSATIONS}    ${CONVERSATION}    @{{ [one.id for one in $more] }}    scope=TEST

No Other Event Should Be Pending
    [Documentation]    No event of what was made for the test comes between the pieces of an answer, however slow the machine is.
    Execute Sql String    DELETE FROM notifications WHERE user_id = '${USER.id}'    alias=main

Get Boundaries And Middles
    [Documentation]    The number of bytes before each of these frames, and before its middle, but for the acknowledgement and the
    ...    question.
    [Arguments]    ${frames}
    VAR    ${kinds}    ${{ [frame.json['type'] for frame in $frames] }}
    Should Be Equal    ${kinds}    ${{ ['ack', 'message', *['message.chunk'] * 7, 'message'] }}    the answer came in other frames
    VAR    ${sizes}    ${{ [len(frame.body) + (2 if len(frame.body) < 126 else 4) for frame in $frames] }}
    VAR    ${totals}    ${{ list(itertools.accumulate($sizes)) }}
    RETURN    ${{ [cut for total, next in zip($totals[1:], $sizes[2:]) for cut in (total, total + next // 2)] }}

Ask Question
    [Documentation]    Sends the question of this suite, whose frames have the same lengths each time.
    [Arguments]    ${conversation}=${CONVERSATION}
    ${id} =    Get Random UUID
    VAR    &{payload}    conversation_id=${conversation}    client_msg_id=${id}    body=${QUESTION}
    VAR    &{frame}    type=message.send    id=${id}    payload=${payload}
    Send Json    ${frame}    tab

Cut Tab After Each Piece
    [Documentation]    For each of ``CUTS`` the tab asks in a conversation of its own, is cut off there, comes back, and has the answer
    ...    once.
    FOR    ${number}    ${bytes}    IN ENUMERATE    @{CUTS}
        VAR    ${conversation}    ${CONVERSATIONS}[${number + 1}]
        Cut Tab Off After    ${bytes}    ${conversation}    pieces=${{ $number // 2 }}
        Open Own Tab    ${{ ($BACKEND_SOCKET_URL, $BACKEND_2_SOCKET_URL)[$number % 2] }}
        ${held} =    Get Positions Of Tab    ${conversation}
        ${resumed} =    Resume    ${CLIENT_ID}    ${held}    tab
        Should Be True    $resumed['recovered']    the stream was not recovered: ${resumed}
        Answer Should Be Whole    You said: ${QUESTION}
        Record Invoke    tab    drain    ${conversation}
        Record Ok    tab    drain    ${conversation}
    END

Cut Tab Off After
    [Documentation]    The tab asks its question and gets so many bytes of what is sent to it from then on: so many whole pieces of the
    ...    answer.
    [Arguments]    ${bytes}    ${conversation}    ${pieces}
    Close Connection    tab
    Open Own Tab
    Subscribe    tab    ${conversation}
    Add Toxic    client->backend-1    limit_data    bytes=${bytes}
    Ask Question    ${conversation}
    Open Socket Should Be Closed With    1006    tab    within=10s
    Remove Toxic    client->backend-1    limit_data_downstream
    ${got} =    Get Frames    connection=tab    type=message.chunk
    Length Should Be    ${got}    ${pieces}    the tab was cut after ${{ len($got) }} pieces, not ${pieces}
    Pieces Should Belong To    You said: ${QUESTION}    ${got}

Answer Should Be Whole
    [Documentation]    The finished answer comes to the tab, replayed or live, and reads like this; so does each piece at its place.
    [Arguments]    ${body}
    ${frame} =    Wait For Json    connection=tab    where=${HOLDS_THE_ANSWER}    within=15s
    ${message} =    Evaluate    $frame['payload'].get('messages', [$frame['payload']])[-1]
    Should Be Equal    ${message}[body]    ${body}    the answer after the return
    ${pieces} =    Get Frames    connection=tab    type=message.chunk
    Pieces Should Belong To    ${body}    ${pieces}
    RETURN    ${message}

Pieces Should Belong To
    [Documentation]    What each of these chunks says stands in the answer at its offset.
    [Arguments]    ${body}    ${pieces}
    FOR    ${piece}    IN    @{pieces}
        VAR    ${chunk}    ${piece.json}[payload]
        VAR    ${there}    ${{ $body[$chunk['offset']:$chunk['offset'] + len($chunk['text'])] }}
        Should Be Equal    ${chunk}[text]    ${there}    a piece of the answer at ${chunk}[offset] is garbled
    END

Each Attempt Should Be Without Gap
    [Documentation]    On the tab's new socket no piece of the dead replica's attempt comes, and those of the new one follow each other.
    ${pieces} =    Get Frames    connection=tab    type=message.chunk
    VAR    ${chunks}    ${{ [piece.json['payload'] for piece in $pieces] }}
    Should Be Equal    ${{ {chunk['attempt'] for chunk in $chunks} - {2} }}    ${{ set() }}    pieces of other attempts than the second
    FOR    ${before}    ${chunk}    IN ZIP    ${chunks}    ${chunks[1:]}    mode=SHORTEST
        Should Be Equal    ${chunk}[offset]    ${{ $before['offset'] + len($before['text']) }}    a piece of the answer is missing
    END

Count What Is Stored
    [Documentation]    Sets ``COUNTED``: the messages that both replicas have stored, and were sent again, till now.
    ${counted} =    Count On Both Replicas    messages_committed_total    messages_duplicate_total
    VAR    ${COUNTED}    ${counted}    scope=TEST

Send From Tab
    [Documentation]    So many numbered messages, one after the other, without waiting for an answer.
    [Arguments]    ${count: int}
    Send On All    ${NUMBERED_FRAME}    ${ALIASES}    times=${count}    conversation=${CONVERSATIONS}

Conversation Should Become
    [Documentation]    So many messages of the conversation are in the main database.
    [Arguments]    ${count: int}
    Wait Until Keyword Passes    10s    Check Row Count
    ...    SELECT 1 FROM messages WHERE conversation_id = '${CONVERSATION}'    ==    ${count}    alias=main

Wait Until Commit Is Under Way
    [Documentation]    The replica has asked for the conversation's row and waits; nothing is acknowledged.
    Ask Socket    tab    ping    pong
    Wait Until Keyword Passes    4s    Check Row Count    ${WAITING_FOR_ME}    ==    1    alias=main
    ${acks} =    Get Frames    where=type=ack    connection=tab
    Should Be Empty    ${acks}    ${{ len($acks) }} messages were acknowledged before they were stored

Reconnect Tab And Send Again
    [Documentation]    The tab resumes at the other replica, is given what was stored meanwhile, and sends it again, and some new.
    [Arguments]    ${count: int}    ${and_new: int}
    Open Own Tab    ${BACKEND_2_SOCKET_URL}
    Resume Tab    missed=${count}
    Send From Tab Again    ${count}    ${and_new}

Send From Tab Again
    [Documentation]    The same messages under their old ids are acknowledged with their first seqs as duplicates, new ones follow; the
    ...    counters of both replicas have grown by just these.
    [Arguments]    ${count: int}    ${and_new: int}
    VAR    ${all}    ${{ $count + $and_new }}
    Send From Tab    ${all}
    ${acks} =    Collect On All    ${all}    ${ALIASES}    where=type=ack    within=10s
    VAR    ${reported}    ${{ [(ack.json['payload']['seq'], ack.json['payload']['duplicate']) for ack in $acks['tab']] }}
    VAR    ${expected}    ${{ list(zip(range(1, $all + 1), [True] * $count + [False] * $and_new)) }}
    Should Be Equal    ${reported}    ${expected}    the acknowledgements (seq, duplicate)
    Receive Chat Message    message ${all - 1} of tab    tab
    ${now} =    Count On Both Replicas    messages_committed_total    messages_duplicate_total
    Should Be Equal    ${{ [after - before for before, after in zip($COUNTED, $now)] }}    ${{ [$all, $count] }}
    ...    the counters of stored and repeated messages have grown otherwise
