*** Settings ***
Documentation       Users chat while instances and stores end and come back: their sessions are the same, their clients come back by
...                 themselves, and what was sent before, during and after is one history, complete and in order.
...                 Sources: RFC 6455 §7.4 (1012, service restart) and §7.2.3 (reconnecting with a growing pause); judged by the recorded
...                 history.
Resource            portable/vocabulary.resource
Suite Setup         Use Private Target
Suite Teardown      Leave Target
Test Teardown       Close Chats And Sockets
Test Tags           session-persistence    portable    p0    req:P06


*** Test Cases ***
Chats Survive Instances That Are Stopped And Started
    [Tags]    id:P01-01    req:P01    part:stopped
    Start Chats    6
    Restart Each Replica    stop
    Chats Should Be Whole    closes=restart,lost    lost=4    refused=yes
    Sessions Of Users Should Be Unchanged

Chats Survive Instances That Are Killed And Started
    [Tags]    id:P01-02    req:P01    part:killed
    Start Chats    6
    Restart Each Replica    kill
    Chats Should Be Whole    closes=restart,lost    lost=4    refused=yes
    Sessions Of Users Should Be Unchanged

Chats Survive Instances That Are Replaced
    [Tags]    id:P01-03    req:P01    part:replaced
    Start Chats    6
    Restart Each Replica    replace
    Chats Should Be Whole    closes=restart    lost=4
    Sessions Of Users Should Be Unchanged

Messages Sent While No Replica Runs Are Kept
    [Tags]    id:P04-01    req:P04    req:P01    part:backend
    ${replicas} =    Get Replicas
    Start Chats    5
    Send While Instances Are Away    Kill Instance    @{replicas}
    Chats Should Be Whole    closes=restart,lost    lost=5    refused=yes

Messages Sent While Every Store Is Dead Are Kept
    [Tags]    id:P04-02    req:P04    part:stores
    ${database} =    Get Store    database
    ${cache} =    Get Store    cache
    Start Chats    5
    Send While Instances Are Away    Kill Instance    ${database}    ${cache}
    Chats Should Be Whole

Messages Sent While Front And Sign-in Are Stopped Are Kept
    [Tags]    id:P04-03    req:P04    part:endpoints    needs:control.stop
    ${front} =    Get Front Instance
    ${signs in} =    Get Instance That Signs In
    Start Chats    6
    Send While Instances Are Away    Stop Instance    ${front}    ${signs in}
    Chats Should Be Whole    closes=restart    lost=2    refused=yes


*** Keywords ***
Start Chats
    [Documentation]    So many users chat, each in a room of their own, at every endpoint. Sets ``DATA``, what the target shows each.
    ...    NA where sessions end with a restart.
    [Arguments]    ${count}
    Use Surviving Sessions
    Open Chats For Users    ${count}
    VAR    @{DATA}    @{EMPTY}    scope=TEST
    FOR    ${user}    IN    @{USERS}
        ${shown} =    Read User Data    ${user}
        VAR    @{DATA}    @{DATA}    ${shown}    scope=TEST
    END
    Start Chatting
    Wait Until Chats Have Sent    2

Restart Each Replica
    [Documentation]    The instances that serve sockets end in this way and begin again, one after the other.
    [Arguments]    ${way}
    ${replicas} =    Get Replicas
    Restart Each Instance    ${way}    ${replicas}

Send While Instances Are Away
    [Documentation]    These are all ended by this keyword; the chats go on to send; all are started again.
    [Arguments]    ${ends}    @{instances}
    FOR    ${instance}    IN    @{instances}
        Run Keyword    ${ends}    ${instance}
    END
    Wait Until Chats Have Sent    2    acknowledged=no
    FOR    ${instance}    IN    @{instances}
        Start Instance    ${instance}
    END

Chats Should Be Whole
    [Documentation]    Each chat sends two messages more and settles; so many connections at least were lost, and each came back by
    ...    itself; the history is as promised.
    [Arguments]    ${closes}=${EMPTY}    ${lost: int}=0    ${refused}=no
    Wait Until Chats Have Sent    2
    Stop Chatting
    Chats Should Settle    within=30s
    ${report} =    Chats Should Have Gone On    closes=${closes}    refused=${refused}
    Should Be True    len($report.absences) >= $lost    ${{ len($report.absences) }} connections were lost, ${lost} are needed
    Chat History Should Be As Promised

Sessions Of Users Should Be Unchanged
    [Documentation]    The target shows each user the same of themselves and their sessions as before.
    FOR    ${user}    ${before}    IN ZIP    ${USERS}    ${DATA}    mode=STRICT
        User Data Should Be Unchanged    ${user}    ${before}
    END
