*** Settings ***
Documentation    Frames of a platform that answers a subscription with everything, and whose positions leave numbers out.

Library          Collections
Library          HistoryLibrary
Library          OperatingSystem

Suite Setup      Read Mapping


*** Test Cases ***
A Snapshot And What Follows Is Valid
    [Documentation]    PASS
    Import Frames    2    5    9
    History Should Be Valid    checks=unseen, duplicate

A Mapping Says That Numbers Are Left Out And A Test May Know Better
    [Documentation]    FAIL The history is invalid: * unseen* bob held r up to 5 and was given message 9 next: 6 to 8 never came*
    Import Frames    2    5    9
    History Should Be Valid    checks=unseen    gapless=yes

What Somebody Knows Is Missed All The Same
    [Documentation]    FAIL The history is invalid: 1 unseen* 7, which alice knows, never came*
    Record Ok    alice    send    key=r    client_msg_id=m7    seq=7
    Import Frames    2    5    9
    History Should Be Valid    checks=unseen

A Message Behind A Snapshot Comes Twice
    [Documentation]    PASS
    Import Frames    2    5    5
    History Should Show    duplicate
    Run Keyword And Expect Error    The history does not show 'unseen'*    History Should Show    unseen    gapless=no

A Snapshot Can Be Recorded By Hand
    [Documentation]    PASS
    Record Ok    bob    snapshot    key=r    seq=4
    Record Ok    bob    receive    key=r    seq=5
    History Should Be Valid    checks=unseen


*** Keywords ***
Read Mapping
    ${text}    Get File    ${TABLE}
    VAR    ${MAPPING}    ${{ json.loads($text) }}    scope=SUITE

Import Frames
    [Documentation]    A subscription, a snapshot of the first two positions, and a push of the third.
    [Arguments]    ${one}    ${two}    ${pushed}
    VAR    ${data}    ${{ [{'id': int(n), 'room': 'r', 'key': 'm' + n, 'text': n} for n in ($one, $two)] }}
    VAR    ${asked}    ${{ {'index': 0, 'at': 1.0, 'direction': 'out', 'json': {'type': 'subscribe', 'uid': '1', 'room': 'r'}} }}
    VAR    ${init}    ${{ {'type': 'subscription', 'event': 'init', 'uid': '1', 'data': $data} }}
    VAR    ${new}    ${{ {'id': int($pushed), 'room': 'r', 'key': 'm' + $pushed, 'text': $pushed} }}
    VAR    ${create}    ${{ {'type': 'subscription', 'event': 'create', 'data': [$new]} }}
    VAR    ${answered}    ${{ {'index': 1, 'at': 1.1, 'direction': 'in', 'json': $init} }}
    VAR    ${came}    ${{ {'index': 2, 'at': 1.2, 'direction': 'in', 'json': $create} }}
    Import Journal    bob    ${{ [$asked, $answered, $came] }}    mapping=${MAPPING}
