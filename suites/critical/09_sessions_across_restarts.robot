*** Settings ***
Documentation       A restart takes nothing from a user: not his session, not his state, not a request, not a message.
...                 Sources: RFC 6455 §7.4 and the IANA registry of close codes (1012, service restart);
...                 docs/protocol.md §4 (the promise) and docs/architecture.md (the successor on the same socket).
Resource            chat.resource
Resource            restart.resource
Suite Setup         Use A Private Platform    backends=2    ACCESS_TTL=3600
Suite Teardown      Leave The Platform
Test Teardown       The Restart Is Over
Test Tags           critical    p1    needs:ws    needs:ws.resume    needs:control.restart


*** Test Cases ***
A Backend That Is Restarted By SIGTERM Says So And Takes Nothing From The Session
    [Tags]    id:C09-01    req:C09.1    needs:db.auth
    Settle In
    Restart Service    backend-1
    Open Socket Was Closed With    1012
    Come Back
    Everything Is As It Was

A Backend That Is Killed Takes Nothing From The Session
    [Tags]    id:C09-02    req:C09.1    needs:db.auth    needs:control.kill    needs:replicas.2
    Settle In
    Kill Service    backend-1
    Open Socket Was Closed With    1006
    Come Back
    Everything Is As It Was
    Start Service    backend-1
    Backend Sees User Id    ${USER.id}

What Was Said While The Replica Was Dead Is Replayed After It
    [Tags]    id:C09-03    req:C09.1    needs:control.kill    needs:replicas.2
    Settle In
    Kill Service    backend-1
    VAR    ${path}    /api/conversations/${CONVERSATION}/messages
    Post To    backend-2    ${path}    ${{ {'body': 'One'} }}    ${ACCESS_TOKEN}    status=201
    Post To    backend-2    ${path}    ${{ {'body': 'Two'} }}    ${ACCESS_TOKEN}    status=201
    Start Service    backend-1
    Come Back    missed=2
    Replay Should Read    again    One    Two

Nobody Who Chats And Calls The Api Notices A Rolling Restart Of Every Service
    [Tags]    id:C09-04    req:C09.2    needs:db.main    needs:assistant    needs:replicas.2
    Chat And Call The Api    20
    Let Chats Say    2
    Restart Every Service Without A Gap
    Let Chats Say    2
    Stop Chatting
    Chats Should Settle
    Chats Should Have Gone On    closes=${{ [1012] }}
    No Request Should Have Failed
    Read The Stored Messages Into The History    @{CONVERSATIONS}
    History Should Be Valid    checks=lost, duplicate, reordered, foreign, unseen, diverging, ack-without-commit

Both Databases Hold Row For Row What They Held Before Every Service Was Killed Or Stopped
    [Tags]    id:C09-05    req:C09.3    needs:db.auth    needs:db.main    needs:control.kill
    Load Users With A Conversation Each    5
    Settle In
    Snapshot Both Databases
    Kill Or Stop Every Service And Start It Again
    Come Back
    Rows Should Have Survived    ${AUTH_ROWS}
    Rows Should Have Survived    ${MAIN_ROWS}


*** Keywords ***
The Restart Is Over
    [Documentation]    Nobody chats, nothing is open, and the replica runs, also where a test ended while it was down.
    End The Chats
    Close All Connections
    Run Keyword And Ignore Error    Start Service    backend-1
