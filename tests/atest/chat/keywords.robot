*** Settings ***
Documentation       Each test's documentation is its declared verdict. The path of the server says what it does.
Library             BudgetLibrary
Library             ChatLibrary
Test Teardown       Close Chats


*** Test Cases ***
Chats That Are Served Go On
    [Documentation]    PASS
    ${names} =    Connect    good    2
    Should Be Equal    ${names}    ${{ ['chat-0', 'chat-1'] }}
    Start Chatting    every=10ms
    Wait Until Chats Have Sent    3
    Stop Chatting
    Chats Should Settle
    ${report} =    Chats Should Have Gone On    closes=${{ [] }}
    Should Be Equal    ${report.clients}    ${2}
    Should Be True    $report.sent == $report.acked >= 6
    Should Be Equal    ${{ [$report.resent, $report.closes, $report.absences] }}    ${{ [0, {}, ()] }}

Who Says Nothing New Says Nothing
    [Documentation]    PASS
    Connect    good
    Start Chatting    every=10ms
    Wait Until Chats Have Sent    1
    Stop Chatting
    Chats Should Settle
    ${before} =    Get Chat Report
    Chats Should Settle
    ${after} =    Get Chat Report
    Should Be Equal    ${before}    ${after}

A Restart Is Lived Through And Not Hidden
    [Documentation]    PASS
    Chat Until All Is Settled    restart
    ${report} =    Chats Should Have Gone On    closes=${{ [1012] }}    latency=restart
    Should Be Equal    ${report.closes}    ${{ {1012: 1} }}
    Should Be True    $report.resent >= 1
    Length Should Be    ${report.absences}    1
    Get Latency    restart    count    ==    1

A Close With Another Code Is A Flaw
    [Documentation]    FAIL 1 sockets closed with 1012. 1 clients sent * messages, * acknowledged, * sent again; sockets closed: 1 x 1012, *
    Chat Until All Is Settled    restart
    Chats Should Have Gone On    closes=${{ [1001] }}

Nobody Comes Back After A Final Close
    [Documentation]    FAIL 1 sockets closed with 4003; 1 clients gave up, the first: chat-0: the socket was closed with 4003*
    Connect    final
    Start Chatting    every=10ms
    Run Keyword And Expect Error    the chats cannot become 9 messages further any more; 1 of 1 are not: chat-0: the socket was closed with 4003*
    ...    Wait Until Chats Have Sent    9    within=1h
    Chats Should Have Gone On    closes=${{ [1012] }}

A Refused Handshake Is A Flaw
    [Documentation]    FAIL *1 handshakes refused, the first: chat-0: * 503 *
    Chat Until All Is Settled    late
    Chats Should Have Gone On    closes=${{ [1012] }}

A Handshake May Be Refused While Nobody Is There To Take It
    [Documentation]    PASS
    Chat Until All Is Settled    late
    ${report} =    Chats Should Have Gone On    closes=${{ [1012] }}    refused=True
    Length Should Be    ${report.refusals}    1

More Is Said Where Nobody Acknowledges
    [Documentation]    FAIL the chats did not become 1 messages further in 100 ms; last seen: 1 of 1 are not: chat-0: *
    Connect    mute
    Start Chatting    every=10ms
    Wait Until Chats Have Sent    3    acknowledged=False
    Wait Until Chats Have Sent    1    within=100ms

A Stream That Is Not Resumed Is A Flaw
    [Documentation]    FAIL 1 streams not resumed, the first: chat-0: window_passed. *
    Chat Until All Is Settled    forget
    Chats Should Have Gone On    closes=${{ [1012] }}

A Resumption Answered With An Error Is Tried Again And A Flaw
    [Documentation]    FAIL 1 errors, the first: chat-0: unavailable: not now. *
    Chat Until All Is Settled    stubborn
    Chats Should Have Gone On    closes=${{ [1012] }}

Nobody Is Connected Who Is Not Let In
    [Documentation]    FAIL *the chats did not become connected in 1 s; last seen: 1 of 1 are not: chat-0: refused: * 503 *; 0 sent*not connected*
    Connect    refuse    within=1s

What Is Not Acknowledged Is Not Settled
    [Documentation]    FAIL the chats did not become acknowledged in 1 s; last seen: 1 of 1 are not: chat-0: 1 sent, 1 not acknowledged*
    Connect    mute
    Start Chatting    every=1h
    Chats Should Settle    within=1s

What Is Refused Is Not Settled Either
    [Documentation]    FAIL the chats cannot become acknowledged any more; 2 of 2 are not: chat-*: error not_found: no such room; 1 sent, 1 not acknowledged*
    Connect    unwilling    2
    Start Chatting    every=1h
    Chats Should Settle    within=1h

What Is Refused For Now Is Waited For
    [Documentation]    FAIL the chats did not become acknowledged in 1 s; last seen: 1 of 1 are not: chat-0: error unavailable; 1 sent, 1 not acknowledged*
    Connect    busy
    Start Chatting    every=1h
    Chats Should Settle    within=1s

What Is Not Given Back Is Not Settled
    [Documentation]    FAIL the chats did not become settled in 1 s; last seen: *0 not acknowledged, holds 0 of at least 1*
    Connect    lose
    Start Chatting    every=1h
    Chats Should Settle    within=1s

An Assistant's Answers Are Waited For
    [Documentation]    PASS
    Connect    answer    answered=True
    Start Chatting    every=10ms
    Wait Until Chats Have Sent    2
    Stop Chatting
    Chats Should Settle

What Is Not Answered Is Not Settled
    [Documentation]    FAIL the chats did not become settled in 1 s; last seen: *holds 1 of at least 1, 0 not given back, 1 not answered*
    Connect    good    answered=True
    Start Chatting    every=1h
    Chats Should Settle    within=1s

Nobody Gets Further Who Is Mute
    [Documentation]    FAIL the chats did not become 2 messages further in 1 s*
    Connect    mute
    Start Chatting    every=10ms
    Wait Until Chats Have Sent    2    within=1s

Each Token Needs A Conversation
    [Documentation]    FAIL ValueError: 1 tokens do not fit 0 conversations
    Open Chats    ${URL}/good    ${{ ['t'] }}    ${{ [] }}

No Chats Prove Nothing
    [Documentation]    FAIL ValueError: 0 tokens do not fit 0 conversations
    Open Chats    ${URL}/good    ${{ [] }}    ${{ [] }}


*** Keywords ***
Connect
    [Arguments]    ${manner}    ${clients: int}=1    &{options}
    VAR    @{conversations}    @{EMPTY}
    FOR    ${_}    IN RANGE    ${clients}
        VAR    @{conversations}    @{conversations}    ${{ str(uuid.uuid4()) }}
    END
    ${names} =    Open Chats    ${URL}/${manner}    ${{ ['%{CHAT_TOKEN}'] * $clients }}    ${conversations}    &{options}
    RETURN    ${names}

Chat Until All Is Settled
    [Arguments]    ${manner}
    Connect    ${manner}
    Start Chatting    every=20ms
    Wait Until Chats Have Sent    4
    Stop Chatting
    Chats Should Settle
