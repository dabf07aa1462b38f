*** Settings ***
Documentation       Answers of a conversation come in the order of its messages, however often the lease to give them changes hands.
...                 Source: docs/protocol.md §4 (message.chunk).
Resource            answering.resource
Suite Setup         Use A Private Platform    backends=2    ANSWER_LEASE=0.1    CHUNK_DELAY=0.05
Suite Teardown      Leave The Platform
Test Teardown       Close All Connections
Test Tags           contract    p0    req:C05.2    needs:replicas.2    needs:ws    needs:db.main


*** Test Cases ***
Answers Keep Their Order When Two Replicas Owe Them
    [Tags]    id:CT-81
    Open A Socket At Each Replica
    Send Questions Alternately    24
    Wait Until Every Question Is Answered    24
    Answers Should Be In Order

Answers Keep Their Order While Replicas Stand Still
    [Tags]    id:CT-82    proto:4.52    proto:4.53    needs:control.pause
    Open A Socket At Each Replica
    Send Questions Alternately    24
    Pause Replicas In Turn    8
    Wait Until Every Question Is Answered    24
    Answers Should Be In Order

A Question Has One Answer
    [Tags]    id:CT-85
    Open A Socket At Each Replica
    Send Questions Alternately    1
    Wait Until Every Question Is Answered    1
    Answers Should Be In Order
