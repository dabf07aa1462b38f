*** Settings ***
Documentation       Each test's documentation is its declared verdict.
Library             BudgetLibrary


*** Test Cases ***
A Budget Holds
    [Documentation]    PASS
    Start Budget    ample
    ${used} =    Budget Should Hold    ample    1 hour
    Should Be True    0 <= ${used} < 3600
    Get Used Budget    ample    <    1 hour

A Spent Budget Is Named With What Was Too Much
    [Documentation]    FAIL *budget 'tiny': * ms of 0.001 ms used, * ms too much*
    Start Budget    tiny
    Budget Should Hold    tiny    0.000001 s

A Spent Budget Fails Its Getter
    [Documentation]    FAIL Budget 'getter' '*' (float) should be less than '1e-09' (float)
    Start Budget    getter
    Get Used Budget    getter    <    ${0.000000001}

A Budget That Was Not Started
    [Documentation]    FAIL budget 'never' was not started: call Start Budget first
    Budget Should Hold    never    1s

A Limit That Is None
    [Documentation]    FAIL ValueError: not a limit: 'soon' (write a time such as 250 ms, or a number with a unit)
    Start Budget    odd
    Budget Should Hold    odd    soon

No Verdict Is Given
    [Documentation]    FAIL UNKNOWN: the session was gone before it was looked at
    End Without Verdict    the session was gone before it was looked at

A Limit Of The Platform's Own Was Missed On A Machine That Is Not Busy
    [Documentation]    FAIL *auth does not answer*
    Fail For Missed Time Limit    auth does not answer

A Figure Is Put On Record
    [Documentation]    PASS
    Record Figure    sessions at once    ${100}

Another Quantity Holds
    [Documentation]    PASS
    Value Should Be Within Budget    memory growth    ${9.5}    10 MB

Another Quantity Is Too Much
    [Documentation]    FAIL budget 'memory growth': 10.5 MB of 10 MB used, 0.5 MB too much
    Value Should Be Within Budget    memory growth    ${10.5}    10 MB

Latencies Hold
    [Documentation]    PASS
    [Setup]    Some Latencies
    ${figures} =    Latencies Should Hold    answer    p95    100 ms
    Should Be Equal    ${figures.count}    ${3}
    Get Latency    answer    p50    ==    20 ms
    Get Latency    answer    count    ==    3
    Get Latency    answer    mean    validate    0.019 < value < 0.021

Latencies Are Too Long
    [Documentation]    FAIL *budget 'answer p95': 30 ms of 1 ms used, 29 ms too much*
    [Setup]    Some Latencies
    Latencies Should Hold    answer    p95    1 ms

A Latency Fails Its Getter
    [Documentation]    FAIL Latency 'answer' max '0.03' (float) should be less than or equal '0.02' (float)
    [Setup]    Some Latencies
    Get Latency    answer    max    <=    20 ms

Nothing Was Recorded
    [Documentation]    FAIL no latency of 'question' was recorded; recorded are: 'answer'
    [Setup]    Some Latencies
    Latencies Should Hold    question    p95    1s

A Keyword Is Measured
    [Documentation]    PASS
    ${result} =    Measure Latency    upper    Evaluate    'a'.upper()
    Should Be Equal    ${result}    A
    Get Latency    upper    count    ==    1

A Failing Keyword Is Not Counted
    [Documentation]    FAIL no latency of 'failing' was recorded; recorded are: *
    Run Keyword And Expect Error    on purpose    Measure Latency    failing    Fail    on purpose
    Get Latency    failing    count


*** Keywords ***
Some Latencies
    [Documentation]    10, 20 and 30 ms, and nothing else.
    Clear Latencies
    Record Latency    answer    10 ms
    Record Latencies    answer    ${{ [0.02, 0.03] }}
