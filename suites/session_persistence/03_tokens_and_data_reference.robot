*** Settings ***
Documentation       Restarts of every kind change no token and no row: a token says the same, to the second, and is refused once it has
...                 expired; both databases are the same bit for bit, and the user finds everything as it was.
...                 Sources: RFC 7519 §4.1.4 (exp), RFC 7662 §2.2 (introspection); ACID durability: PostgreSQL 18, Chapter 28 (WAL);
...                 docs/protocol.md §2.3 (tokens) and §2.5 (PostgreSQL is the record).
Resource            platform.resource
Resource            persistence.resource
Suite Setup         Open Private Platform    backends=2
Suite Teardown      Leave Platform
Test Setup          Start Persistence Measurement
Test Teardown       Restore Platform And Judge Budgets
Test Tags           session-persistence    p0    req:P06    needs:control.kill    needs:replicas.2    needs:ws


*** Test Cases ***
An Earlier Token Is Accepted After Everything Was Killed
    [Tags]    id:P02-04    req:P02    part:services    needs:session.admin
    Sign In New User
    Remember Token Views Of Services
    Kill Everything And Start It Again
    Every Service Should See Token As Before
    Every Service Should Accept Token
    Access Token Should Verify

A Token Of The Former Key Outlives Restarts
    [Tags]    id:P02-05    req:P02    part:services    needs:session.admin    needs:control.restart
    Sign In New User
    Rotate Signing Key
    Remember Token Views Of Services
    Restart Instances By    kill    auth    backend-1
    Restart Instances By    stop    auth    backend-2
    Restart Instances By    replace    auth
    Every Service Should See Token As Before
    Access Token Should Verify
    Every Service Should Accept Token

Rows Are Unchanged After Services Were Stopped And Started
    [Tags]    id:P05-01    req:P05    part:stopped    needs:db.auth    needs:db.main    needs:ws.resume
    Restart Should Change Nothing    ${{ ['stop'] }}    auth    backend-1    backend-2    frontend

Rows Are Unchanged After Services Were Killed And Started
    [Tags]    id:P05-02    req:P05    part:killed    needs:db.auth    needs:db.main    needs:ws.resume
    Restart Should Change Nothing    ${{ ['kill'] }}    auth    backend-1    backend-2    frontend

Rows Are Unchanged After Services Were Replaced
    [Tags]    id:P05-03    req:P05    part:replaced    needs:db.auth    needs:db.main    needs:ws.resume    needs:control.restart
    Restart Should Change Nothing    ${{ ['replace'] }}    auth    backend-1    backend-2    frontend

Rows Are Unchanged After Stores Were Stopped And Killed
    [Tags]    id:P05-04    req:P05    part:stores    needs:db.auth    needs:db.main    needs:ws.resume    needs:redis
    Restart Should Change Nothing    ${{ ['stop', 'kill'] }}    postgres    redis


*** Keywords ***
Kill Everything And Start It Again
    [Documentation]    No process of the platform is left before the first is started again, and each is another one then.
    VAR    @{before}    @{EMPTY}
    FOR    ${instance}    IN    @{EVERYTHING}
        ${process} =    Get Process    ${instance}
        VAR    @{before}    @{before}    ${process}
    END
    Kill And Start    @{EVERYTHING}
    FOR    ${process}    IN    @{before}
        Process Should Have Been Replaced    ${process}
    END

Rotate Signing Key
    [Documentation]    Auth signs with a new key; the former one goes on to verify.
    Post To    auth    /admin/keys/rotate    ${{ {} }}    ${SERVICE_TOKEN}
