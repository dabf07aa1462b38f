*** Settings ***
Documentation       PostgreSQL dies and its standby is promoted, it is killed amid commits, it freezes, it has no connection left: what was
...                 acknowledged is there, nobody is signed out, and what cannot be done is refused in words.
...                 Sources: PostgreSQL manual, High Availability and Write-Ahead Log; docs/protocol.md §1 (dependency away), §4.
Resource            fail_over_postgres.resource
Suite Teardown      Leave Platform
Test Teardown       Leave Chats
Test Tags           fail-over    p1    req:K02    needs:ws    needs:db.main    needs:replicas.2    needs:platform.private


*** Test Cases ***
A Promoted Standby Has All That Was Acknowledged
    [Documentation]    It is synchronous: a commit is acknowledged when both have it. The services find it by themselves.
    [Tags]    id:K02-01    proto:4.123    proto:1.52    needs:control.kill
    Open Private Platform    backends=2    standby=sync
    Sign In New User
    Start Chats Of Load Users    3
    Wait Until Chats Have Sent    2
    Kill Service    postgres
    Promote Standby
    Chats Should Go On By Themselves
    History Should Be Complete
    Every Service Should Accept Token
    Refresh Tokens

A Database Killed Amid Commits Keeps What It Acknowledged
    [Documentation]    It waits for the disk at each commit, on a real file system.
    [Tags]    id:K02-02    proto:4.30    proto:4.85    needs:control.kill
    Open Private Platform    backends=2    durable=True
    Sign In New User
    Start Chats Of Load Users    3    every=20ms
    Kill Amid Commits
    Kill Amid Commits
    Chats Should Go On By Themselves
    History Should Be Complete
    Every Service Should Accept Token

A Frozen Database Is Reported And Loses Nothing
    [Documentation]    It keeps its connections and answers nothing.
    [Tags]    id:K02-03    proto:1.25    proto:1.54    proto:4.85    needs:control.pause
    Open Private Platform    backends=2
    Sign In New User
    Start Chats Of Load Users    3
    Pause Service    postgres
    Service Should Report Database Away    backend    /api/conversations    within=8s
    Service Should Report Database Away    auth    /auth/sessions    within=13s
    Resume Service    postgres
    Chats Should Go On By Themselves
    History Should Be Complete
    Every Service Should Accept Token

A Database Without Free Connections Is Reported
    [Documentation]    Others hold every connection that it gives; the services' own are ended.
    [Tags]    id:K02-04    proto:1.25    proto:1.26    proto:1.32    proto:1.53
    Open Private Platform    backends=2
    Sign In New User
    Use Up Database Connections
    Service Should Report Database Away    backend    /api/conversations    within=8s
    Service Should Report Database Away    auth    /auth/sessions    within=8s
    Services Should Stay Ready
    Release Database Connections
    Databases Should Be Used Again


*** Keywords ***
Use Up Database Connections
    [Documentation]    Ends the connections of the services and takes every one that the server gives.
    ${held} =    Evaluate    lockstep.postgres.hold_every_connection($MAIN_DB_URL)    modules=lockstep.postgres
    VAR    ${HELD}    ${held}    scope=TEST

Services Should Stay Ready
    [Documentation]    A dependency that dies later does not end the readiness of a service; its health names it.
    FOR    ${instance}    IN    auth    backend-1    backend-2
        ${health} =    Service Should Be Ready    ${instance}
        Should Be Equal    ${health}[dependencies][database]    down    what ${instance} says of its database
    END

Databases Should Be Used Again
    [Documentation]    Every service serves the user again, who is still signed in.
    Wait Until Keyword Passes    15s    Every Service Should Accept Token
    Refresh Tokens
