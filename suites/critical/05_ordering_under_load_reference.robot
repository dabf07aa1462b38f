*** Settings ***
Documentation       The assistant answers in order however many write at once, a burst is fast, and the services keep their memory.
...                 Sources: docs/protocol.md §4 (acknowledged after commit, seqs contiguous and in order); judged by the recorded history
...                 of every socket and the rows of the main database. 05_ordering_under_load has what holds on any platform.
Resource            load.resource
Suite Setup         Open Private Platform    backends=2    ACCESS_TTL=3600
Suite Teardown      Leave Platform
Test Teardown       Close Load Sockets
Test Tags           critical    p0    needs:ws    needs:assistant    needs:session.admin


*** Test Cases ***
A Hundred Users At Once Are Each Answered In Order
    [Tags]    id:C05-07    req:C05.1    proto:4.49    needs:db.main    needs:replicas.2
    Create Load Users With Conversations    100
    Connect Load Users
    Send Messages Of Every User    10
    No Message Should Be Lost Or Duplicated    rows=2000
    Every User Should Be Answered In Order
    No User Should Receive Foreign Messages

A Burst Of A Thousand Messages Is Answered In Time
    [Tags]    id:C05-08    req:C05.2    needs:db.main
    Prepare Burst
    Connect Second User
    Measure Second User At Rest    50
    Record Socket    burst
    Send Messages Of Every User    1000
    Measure Second User At Rest    50
    No Message Should Be Lost Or Duplicated    rows=2000
    Every User Should Be Answered In Order
    Burst Should Be Faster Than Single Messages

Services Stay Within Their Memory Budgets Under Load
    [Tags]    id:C05-06    req:C05.4    needs:control.kill
    Prepare Burst    assistant=False    url=${SOCKET_URL}
    Send Bursts    2
    Start Memory Watch    auth    backend-1    backend-2    frontend
    Send Bursts    6
    ${seen} =    Stop Memory Watch
    Memory Should Stay Within Budgets    ${seen}
