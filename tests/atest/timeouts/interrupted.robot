*** Settings ***
Documentation       A time-out of Robot Framework amid a question poisons no connection: the next question gets its own answer.
Library             RedisLibrary
Library             RequestsLibrary
Library             QuotaLibrary
Library             SessionLibrary
Library             WebSocketLibrary
Library             Asking.py
Library             ../UseTarget.py
Resource            databases.resource
Suite Setup         Everything Is Connected
Suite Teardown      Disconnect From All Databases


*** Test Cases ***
A Query Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Query    SELECT pg_sleep(3)    alias=main

A Query After It
    [Documentation]    PASS
    ${rows} =    Query    SELECT 7    alias=main
    Should Be Equal    ${rows}[0][0]    ${7}
    Check Row Count    SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3)' AND state = 'active'    ==    0
    ...    alias=main    retry_timeout=2s    retry_pause=20ms

A Query Of A Transaction Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Hold Sessions
    Query    SELECT pg_sleep(3)    alias=holder    no_transaction=True

The Transaction Is Over
    [Documentation]    PASS
    Check Row Count    SELECT 1 FROM pg_locks WHERE relation = 'sessions'::regclass AND mode = 'AccessExclusiveLock'    ==    0
    ...    alias=auth    retry_timeout=2s    retry_pause=20ms
    ${rows} =    Query    SELECT 8    alias=holder
    Should Be Equal    ${rows}[0][0]    ${8}
    [Teardown]    Disconnect From Database    alias=holder

A Statement Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Execute Sql String    SELECT pg_sleep(3)    alias=main

Statements After It
    [Documentation]    PASS
    Execute Sql String    SELECT 9    alias=main
    ${rows} =    Query    SELECT 9    alias=main
    Should Be Equal    ${rows}[0][0]    ${9}

A View Of A Session Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Hold Sessions
    Get Session Views    00000000-0000-4000-8000-000000000000    places=['auth db']
    [Teardown]    Disconnect From Database    alias=holder

A View Of A Session After It
    [Documentation]    PASS
    ${views} =    Get Session Views    00000000-0000-4000-8000-000000000000    places=['auth db']
    Should Be Equal    ${views['auth db'].error}    ${EMPTY}

A Redis Command Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Get Redis Value    slow

A Redis Command After It
    [Documentation]    PASS
    Get Redis Value    quick    ==    quick

A Redis Message Is Awaited For Too Long
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Subscribe To Redis    news    connection=real
    Wait For Redis Message    news    within=1 minute    connection=real

A Redis Message After It
    [Documentation]    PASS
    Publish To Redis    news    here    connection=real
    ${message} =    Wait For Redis Message    news    connection=real
    Should Be Equal    ${message.data}    here

A Request Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    GET On Session    slow    /slow

A Request After It
    [Documentation]    PASS
    ${response} =    GET On Session    slow    /quick
    Should Be Equal    ${response.text}    /quick

A Request Of A Library Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Ask The Service    ${HTTP}    /slow

A Request Of A Library After It
    [Documentation]    PASS
    ${text} =    Ask The Service    ${HTTP}    /quick
    Should Be Equal    ${text}    /quick

A Request For A Quota Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Ask    1    ${HTTP}slow

A Request For A Quota After It
    [Documentation]    PASS
    ${answers} =    Ask    1    ${HTTP}quick
    Should Be Equal    ${answers[0].status}    ${200}

A Frame Is Awaited For Too Long
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Send Text    late    late
    Wait For Frame    text=never    connection=late    within=1 minute

A Frame After It
    [Documentation]    PASS
    Send And Wait    own    text=own    connection=late

An Exchange Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    VAR    @{echo}    echo
    Exchange On All    round trip    ${echo}    times=1000000    within=1 minute

Nothing Is Sent After It
    [Documentation]    PASS
    Send And Wait    the last    text=the last    connection=echo
    ${sent} =    Get Frames    connection=echo    direction=sent
    Should Be Equal    ${sent[-1].text}    the last

A Handshake Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Open Connection    ${SLOW_SOCKET}    alias=shaking    timeout=1 minute

A Socket That Opened Too Late Is Hung Up
    [Documentation]    PASS
    GET On Session    slow    /hung-up

A Handshake After It
    [Documentation]    PASS
    Open Connection    ${SOCKET}/echo    alias=shaking
    Send And Wait    hello    text=hello

The Host Is Asked And Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Ask The Host    ${HOST}    slow

The Host Is Asked After It
    [Documentation]    PASS
    ${answer} =    Ask The Host    ${HOST}    quick
    Should Be Equal    ${answer}[did]    quick

A Lease Is Interrupted
    [Documentation]    FAIL Test timeout 500 milliseconds exceeded.
    [Timeout]    500ms
    Ask The Host    ${HOST}    lease

What Was Leased For Nobody Is Given Back
    [Documentation]    PASS
    ${answer} =    Ask The Host    ${HOST}    quick
    Should Be Equal    ${answer}[did]    quick
    ${answer} =    Ask The Host    ${HOST}    released
    Should Be Equal    ${answer}[platforms]    ${{ ['p1'] }}


*** Keywords ***
Everything Is Connected
    [Documentation]    A connection of each library that keeps one.
    Use Target    ${DESCRIPTOR}
    VAR    ${AUTH_DB_URL}    ${AUTH_DB}    scope=SUITE
    VAR    ${MAIN_DB_URL}    ${MAIN_DB}    scope=SUITE
    Open Databases
    Connect To Redis    ${SLOW_REDIS}    timeout=30s
    Connect To Redis    ${REDIS}    connection=real
    Create Session    slow    ${HTTP}
    Open Connection    ${SOCKET}/late/1000    alias=late
    Open Connection    ${SOCKET}/echo    alias=echo

Hold Sessions
    [Documentation]    A transaction that nobody can read sessions beside.
    Open Database    holder    ${AUTH_DB_URL}
    Query    SELECT 1 FROM (SELECT 1) AS one    alias=holder    no_transaction=True
    Execute Sql String    LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE    alias=holder    no_transaction=True
