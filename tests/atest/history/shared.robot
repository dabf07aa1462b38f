*** Settings ***
Documentation    A history begun in a suite setup serves all tests of the suite that begin none.

Library          HistoryLibrary

Suite Setup      Record Ok    alice    connect


*** Test Cases ***
The First Test Goes On With It
    Record Ok    alice    subscribe    key=c    seq=0

The Second Test Sees Both
    ${all}    Get History
    Should Be Equal    ${{ [operation.op for operation in $all] }}    ${{ ['connect', 'subscribe'] }}

The Third Test Begins Its Own
    Start History
    ${all}    Get History
    Should Be Empty    ${all}
