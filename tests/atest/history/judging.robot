*** Settings ***
Documentation    Each test's documentation says its verdict; the histories are recorded by hand.

Library          HistoryLibrary


*** Variables ***
&{ROW1}    conversation_id=c    epoch=${1}    seq=${1}    client_msg_id=m1    body=one
&{ROW2}    conversation_id=c    epoch=${1}    seq=${2}    client_msg_id=m2    body=two


*** Test Cases ***
A Complete History Is Valid
    [Documentation]    PASS
    Two Messages Are Acknowledged
    Bob Receives    1
    Bob Receives    2
    Bob Drains
    Import Stored Messages    ${{ [$ROW1, $ROW2] }}    key=c
    History Should Be Valid
    History Should Be Valid    checks=lost, duplicate, reordered, foreign, unseen, diverging, ack-without-commit
    History Should Be Valid    checks=${{ ['lost', 'unseen'] }}

A Lost Message Is Shown With Its Witness
    [Documentation]    FAIL *1 lost.*lost: bob never got message 2 of c (acknow*1*alice*seq 2*2*bob*seq 1*3*bob*drain ok*
    Two Messages Are Acknowledged
    Bob Receives    1
    Bob Drains
    History Should Be Valid

An Uncommitted Message Is Named
    [Documentation]    FAIL *ack-without-commit: m2 of c was acknowledged to alice as 2 and is not in database*
    Two Messages Are Acknowledged
    Import Stored Messages    ${{ [$ROW1] }}    key=c
    History Should Be Valid    checks=ack-without-commit

A Foreign Message Is Named
    [Documentation]    FAIL *foreign: bob was given something of d, which it may not see*
    Allow Client To See    bob    c
    Record Ok    bob    receive    key=d    seq=1    epoch=1    client_msg_id=x1
    History Should Be Valid    foreign

A Missing Drain Makes It Unknown
    [Documentation]    FAIL Whether the history is valid is unknown.*unknown: lost: bob lacks 1 message(s) of c*
    Two Messages Are Acknowledged
    Bob Receives    1
    History Should Be Valid

A Check Without Anything To Judge Makes It Unknown
    [Documentation]    FAIL *unknown: stale-read: the history holds nothing that this check could judge*
    Two Messages Are Acknowledged
    History Should Be Valid    checks=stale-read

An Empty History Is Not Valid
    [Documentation]    FAIL *unknown: the history holds nothing that any check could judge*History: None
    History Should Be Valid

A Wrong Check Is Refused
    [Documentation]    FAIL ValueError: no check is named 'losst'; there are lost, duplicate, *
    History Should Be Valid    checks=losst

A Wrong Op Is Refused
    [Documentation]    FAIL ValueError: there is no op 'sent': it is one of connect, *
    Record Ok    alice    sent    key=c

A Wrong Seq Is Refused
    [Documentation]    FAIL *Argument 'seq' got value 'first' that cannot be converted to integer*
    Record Ok    alice    send    key=c    seq=first

A Wrong Mapping Is Refused
    [Documentation]    FAIL *history mapping: 'frame' is none of type, call, gapless, context, frames
    Import Journal    alice    ${{ [] }}    mapping=${{ {'frame': []} }}

Own Ops Are Passed By
    [Documentation]    PASS
    Record Info    nemesis    x-kill    node=backend-1
    Two Messages Are Acknowledged
    History Should Be Valid    checks=reordered

An Expected Anomaly Is Shown
    [Documentation]    PASS
    Two Messages Are Acknowledged
    Bob Drains
    History Should Show    lost

An Expected Anomaly That Is Not There Fails
    [Documentation]    FAIL The history does not show 'duplicate'.*The history is valid.*Judged: duplicate 4*
    Two Messages Are Acknowledged
    Bob Receives    1
    Bob Receives    2
    History Should Show    duplicate

A Handover May Take Its Time And No Longer
    [Documentation]    FAIL *two-holders: bob took session over, and *alice was still served*
    Record Ok    alice    hold    key=session    note=takeover
    Record Ok    bob    hold    key=session    note=takeover
    Record Ok    alice    receive    key=c    seq=1
    Record Ok    alice    release    key=session    note=4009
    History Should Be Valid    checks=two-holders    handover=1m
    History Should Be Valid    checks=two-holders    handover=0s

Each Test Has Its Own History
    [Documentation]    PASS
    Record Ok    alice    connect
    ${all}    Get History
    Length Should Be    ${all}    1

A New History Forgets The Old One
    [Documentation]    PASS
    Record Ok    alice    connect
    Start History    second half
    Record Invoke    alice    send    key=c    value=x    client_msg_id=m1
    Record Fail    alice    send    key=c    client_msg_id=m1    note=refused
    ${fails}    Get History    process=alice    op=send    kind=fail    key=c
    Length Should Be    ${fails}    1
    Should Be Equal    ${fails[0].note}    refused
    Should Be Equal    ${fails[0].index}    ${1}

A Misspelled Process Did Nothing
    [Documentation]    FAIL nothing was recorded of 'alise'; there are alice
    Record Ok    alice    connect
    Get History    process=alise    op=receive

A Misspelled Op Was Not Done
    [Documentation]    FAIL ValueError: there is no op 'recieve': it is one of *
    Get History    op=recieve

A Misspelled Kind Did Not Come
    [Documentation]    FAIL ValueError: there is no kind 'failed': it is one of invoke, ok, fail, info
    Get History    kind=failed

A History Can Be Logged
    [Documentation]    PASS
    Two Messages Are Acknowledged
    Log History

Secrets Stay Out
    [Documentation]    FAIL *diverging*
    Record Ok    alice    receive    key=c    seq=1    value=password=hunter2hunter2 first
    Record Ok    bob    receive    key=c    seq=1    value=password=hunter2hunter2 second
    History Should Be Valid    checks=diverging


*** Keywords ***
Two Messages Are Acknowledged
    [Documentation]    Alice and Bob listen, Alice sends two messages and is given both.
    Record Ok    alice    subscribe    key=c    seq=0    epoch=1
    Record Ok    bob    subscribe    key=c    seq=0    epoch=1
    FOR    ${n}    IN    1    2
        Record Invoke    alice    send    key=c    client_msg_id=m${n}
        Record Ok    alice    send    key=c    seq=${n}    epoch=1    client_msg_id=m${n}
        Record Ok    alice    receive    key=c    seq=${n}    epoch=1    client_msg_id=m${n}
    END
    Record Invoke    alice    drain
    Record Ok    alice    drain

Bob Receives
    [Documentation]    Bob is given one of the two.
    [Arguments]    ${seq}
    Record Ok    bob    receive    key=c    seq=${seq}    epoch=1    client_msg_id=m${seq}

Bob Drains
    [Documentation]    Bob waited until nothing more came.
    Record Invoke    bob    drain
    Record Ok    bob    drain
