*** Settings ***
Documentation       PostgreSQL dies and its standby is promoted, it is killed amid commits, it freezes, it has no connection left: what was
...                 acknowledged is there, nobody is signed out, and what cannot be done is refused in words.
...                 Sources: PostgreSQL manual, High Availability and Write-Ahead Log; docs/protocol.md §1 (dependency away), §4.
Resource            fail_over_postgres.resource
Resource            promises.resource
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
    Chats Should Go On By Themselves    promoted=${True}
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

A Full Disk Refuses Writes And Loses Nothing
    [Documentation]    What its tables hold can be read; the refresh token of a refused refresh is not spent.
    [Tags]    id:K02-05    proto:1.25    proto:1.55    proto:4.85    needs:control.disk    needs:session.admin
    Open Private Platform    backends=2    small_disk=True
    Sign In With Session And Conversation
    Start Chats Of Load Users    3
    Fill Database Disk
    Writes Should Be Refused And Reads Answered
    Release Database Disk
    Refused Message Should Be Stored Once
    Refresh Tokens
    Chats Should Go On By Themselves
    History Should Be Complete

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

Frames That Need The Database Are Refused By Their Id
    [Documentation]    On a socket that is open when it dies.
    [Tags]    id:K02-09    proto:4.25    proto:4.77    needs:control.kill
    Open Private Platform    backends=2
    Sign In New User
    Start Conversation
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Kill Service    postgres
    Frame Should Be Refused    unavailable    ${True}    subscribe    conversation_id=${CONVERSATION}
    Frame Should Be Refused    unavailable    ${True}    state.get
    Frame Should Be Refused    unavailable    ${True}    resume    client_id=${USER.id}    positions=${{ {} }}
    Ping Should Come Back


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

Sign In With Session And Conversation
    [Documentation]    A new user with a conversation and a second session, ``MANAGED``.
    Sign In New User
    Start Conversation
    ${managed} =    Create Managed Session    ${USER.id}
    VAR    ${MANAGED}    ${managed}    scope=TEST

Fill Database Disk
    [Documentation]    Another application's rows take all the room that the disk of the databases has.
    ${filler} =    Evaluate    lockstep.postgres.fill_disk($MAIN_DB_URL)    modules=lockstep.postgres
    VAR    ${FILLER}    ${filler}    scope=TEST

Writes Should Be Refused And Reads Answered
    [Documentation]    As soon as a table needs room, backend stores no message and auth renews no session, for now.
    Open Chat Socket    full    url=${BACKEND_SOCKET_URL}
    Send Until Refused
    Socket Should Answer With Error    full    message.send    unavailable    conversation_id=${CONVERSATION}    &{REFUSED}
    Refresh Until Refused
    Reads Should Be Answered

Send Until Refused
    [Documentation]    Long messages are stored as long as there is room; sets ``REFUSED``, the first that is not.
    VAR    ${path}    /api/conversations/${CONVERSATION}/messages
    WHILE    True    limit=100    on_limit_message=there is always room for one more message
        VAR    &{message}    client_msg_id=${{ str(uuid.uuid4()) }}    body=${{ secrets.token_urlsafe(6000) }}
        ${response} =    Post To    backend    ${path}    ${message}    ${ACCESS_TOKEN}    status=anything
        IF    $response.status_code != 201    BREAK
    END
    Answer Should Be Refusal For Now    ${response}
    VAR    &{REFUSED}    &{message}    scope=TEST

Refresh Until Refused
    [Documentation]    The session is renewed as long as its changes find room; the last refresh token is left unspent.
    WHILE    True    limit=500    on_limit_message=there is always room for one more refresh
        ${body} =    Make Request Body    refresh_token=${REFRESH_TOKEN}
        ${response} =    Post To    auth    /auth/refresh    ${body}    status=anything
        IF    $response.status_code != 200    BREAK
        VAR    ${REFRESH_TOKEN}    ${response.json()}[refresh_token]    scope=TEST
    END
    Answer Should Be Refusal For Now    ${response}

Refused Message Should Be Stored Once
    [Documentation]    Sent again, the message is stored; sent once more, it is there already.
    VAR    ${path}    /api/conversations/${CONVERSATION}/messages
    Post To    backend    ${path}    ${REFUSED}    ${ACCESS_TOKEN}    status=201
    Post To    backend    ${path}    ${REFUSED}    ${ACCESS_TOKEN}    status=200

Reads Should Be Answered
    [Documentation]    Every service still knows the user, and shows what is stored.
    Every Service Should Accept Token
    Get From    frontend    /api/conversations/${CONVERSATION}/messages    ${ACCESS_TOKEN}
    Session Token Should Be Valid    ${MANAGED}
