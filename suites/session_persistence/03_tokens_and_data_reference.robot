*** Settings ***
Documentation       Restarts of every kind change no token and no row: a token says the same, to the second, and is refused once it has
...                 expired; both databases are the same bit for bit, and the user finds everything as it was.
...                 Sources: RFC 7519 §4.1.4 (exp), RFC 7662 §2.2 (introspection); ACID durability: PostgreSQL 18, Chapter 28 (WAL);
...                 docs/protocol.md §2.3 (tokens) and §2.5 (PostgreSQL is the record).
Resource            platform.resource
Resource            persistence.resource
Suite Setup         Use A Private Platform    backends=2
Suite Teardown      Leave The Platform
Test Setup          Something Is To Outlive A Restart
Test Teardown       The Budgets Hold
Test Tags           session-persistence    p0    req:P06    needs:control.kill    needs:replicas.2    needs:ws


*** Test Cases ***
An Earlier Token Is Accepted After Everything Was Killed
    [Tags]    id:P02-04    req:P02    part:services    needs:session.admin
    Sign In A New User
    What Every Service Says Of The Token Is Noted
    Kill Everything And Start It Again
    Every Service Says The Same Of The Token
    Every Service Accepts The Token
    Access Token Should Verify

A Token Of The Former Key Outlives Restarts
    [Tags]    id:P02-05    req:P02    part:services    needs:session.admin    needs:control.restart
    Sign In A New User
    The Signing Key Is Changed
    What Every Service Says Of The Token Is Noted
    Restart For Real    kill    auth    backend-1
    Restart For Real    stop    auth    backend-2
    Restart For Real    replace    auth
    Every Service Says The Same Of The Token
    Access Token Should Verify
    Every Service Accepts The Token

Rows Are Unchanged After Services Were Stopped And Started
    [Tags]    id:P05-01    req:P05    part:stopped    needs:db.auth    needs:db.main    needs:ws.resume
    Nothing Changes By A Restart    ${{ ['stop'] }}    auth    backend-1    backend-2    frontend

Rows Are Unchanged After Services Were Killed And Started
    [Tags]    id:P05-02    req:P05    part:killed    needs:db.auth    needs:db.main    needs:ws.resume
    Nothing Changes By A Restart    ${{ ['kill'] }}    auth    backend-1    backend-2    frontend

Rows Are Unchanged After Services Were Replaced
    [Tags]    id:P05-03    req:P05    part:replaced    needs:db.auth    needs:db.main    needs:ws.resume    needs:control.restart
    Nothing Changes By A Restart    ${{ ['replace'] }}    auth    backend-1    backend-2    frontend

Rows Are Unchanged After Stores Were Stopped And Killed
    [Tags]    id:P05-04    req:P05    part:stores    needs:db.auth    needs:db.main    needs:ws.resume    needs:redis
    Nothing Changes By A Restart    ${{ ['stop', 'kill'] }}    postgres    redis
