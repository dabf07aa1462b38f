*** Settings ***
Documentation       Anyone who chats while services restart goes on chatting: their session and their token are what they were, their client
...                 is back by itself, and what was said before, during and after is one history, complete and in order.
...                 Sources: RFC 6455 §7.4 (1012, service restart) and §7.2.3 (reconnecting with a growing pause);
...                 docs/protocol.md §4 (the promise); judged by the recorded history.
Resource            platform.resource
Resource            persistence.resource
Suite Setup         Open Private Platform    backends=2    proxies=client->frontend
Suite Teardown      Leave Platform
Test Setup          Start Persistence Measurement
Test Teardown       Restore Platform And Judge Budgets
Test Tags           session-persistence    p0    req:P06    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main
...                 needs:control.kill


*** Test Cases ***
Users Read The Same Of Themselves After Every Restart
    [Tags]    id:P01-04    req:P01    part:stopped    needs:control.restart
    Start Chats Of Load Users    6
    Restart Instances By    stop    backend-1
    Restart Instances By    kill    backend-2
    Chats Should Go On After Losses    closes=${{ [1012] }}    lost=6    refused=True
    Tokens And Sessions Should Be Unchanged
    History Should Be Complete And In Order

Lost Sockets Are Back Within The Budget
    [Documentation]    A hundred reconnections and more, each timed from the loss of the socket until its stream is resumed.
    [Tags]    id:P03-01    req:P03    part:reconnection    needs:net.faults
    Start Chats Of Load Users    20    every=500ms
    Restore Network    4 times
    Restart Instances By    replace    frontend
    Restart Instances By    stop    backend-1    backend-2
    Chats Should Go On After Losses    closes=${{ [1006, 1012] }}    lost=100    refused=True
    History Should Be Complete And In Order
    Reconnections Should Meet Own Goal

An Abandoned Handshake Replaces No Other Socket
    [Documentation]    A replica hangs, so that frontend opens sockets at the other one; then it goes on with what was given up. The chats
    ...    last longer than the two seconds after which a socket receives at the latest that it was replaced.
    [Tags]    id:P03-02    req:P03    proto:4.87    part:reconnection    needs:control.pause
    Create Load Users With Conversations    6    assistant=${False}
    Pause Service    backend-1
    Open Chats    ${SOCKET_URL}    ${TOKENS}    ${CONVERSATIONS}    ca_file=${CA_FILE}    within=20s
    Resume Service    backend-1
    Start Chatting    500ms
    Wait Until Chats Have Sent    7
    Chats Should Go On After Losses    closes=${{ [] }}    lost=0
    History Should Be Complete And In Order


*** Keywords ***
Restore Network
    [Documentation]    So many times every connection between clients and frontend is reset (RST), and every user sends something after it.
    [Arguments]    ${times}
    Repeat Keyword    ${times}    Run Keywords    Reset Connection    client->frontend    AND    Wait Until Chats Have Sent    1

Reconnections Should Meet Own Goal
    [Documentation]    The 99th percentile is within a second.
    Latencies Should Hold    socket reconnection    p99
