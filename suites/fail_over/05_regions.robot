*** Settings ***
Documentation       A second region with its own replica and Redis, far away from PostgreSQL and auth: slow, cut off, and, with a standby of
...                 PostgreSQL, on its own when the first is lost, until the first is back.
...                 Sources: docs/protocol.md §3.1 (session_check), §4 (nothing depends on the pub/sub notification but speed), §5 (replicas
...                 left out).
Library             PlatformLibrary
Library             SessionLibrary
Resource            auth.resource
Resource            fail_over_postgres.resource
Resource            http.resource
Resource            platform.resource
Resource            socket.resource
Suite Teardown      Leave Platform
Test Teardown       Close All Connections
Test Tags           fail-over    p1    req:K03    needs:session.admin    needs:ws    needs:replicas.2    needs:platform.private


*** Variables ***
@{FAR}      backend-2->postgres    backend-2->auth


*** Test Cases ***
A Distant Region Serves The Same Conversation
    [Documentation]    A tenth of a second, back and forth, lies between the second region and the stores.
    [Tags]    id:K03-01    proto:4.94    proto:4.95    needs:net.faults
    Use Regions With Connection Between
    Delay Second Region
    Open Sockets In Both Regions
    Regions Should Receive Each Other's Messages
    Session Should End In Both Regions

A Region That Is Cut Off Refuses And Catches Up
    [Documentation]    It says that it cannot, and loses nothing that went on elsewhere meanwhile.
    [Tags]    id:K03-02    proto:4.95    proto:5.45    needs:net.faults
    Use Regions With Connection Between
    Open Sockets In Both Regions
    Cut Second Region Off
    Second Region Should Refuse
    Send Chat Message    Meanwhile    first
    Frontend Should Use First Region
    Revoke Session    ${PHONE}
    Heal Second Region
    Receive Chat Message    Meanwhile    second    within=15s
    Open Socket Should Be Closed With    4003    phone    within=15s

A Region That Is Lost Is Replaced And Comes Back
    [Documentation]    The second region has a synchronous standby. What it did alone is there when the first is back.
    [Tags]    id:K03-03    proto:1.52    proto:3.1.36    needs:control.kill
    Use Regions With Standby
    Open Sockets In Both Regions
    Kill First Region
    Second Region Should Serve Alone
    Revoke Session    ${PHONE}
    Restore First Region
    First Region Should Show What Was Done Without It
    Every Service Should Refuse Token    ${PHONE.access_token}    session_revoked
    Every Service Should Accept Token

The First Region Takes Over Again And Loses Nothing
    [Documentation]    Its PostgreSQL follows that of the second region, until that one is stopped in order; then it is the primary again.
    [Tags]    id:K03-04    proto:1.52    needs:control.kill
    Use Regions With Standby
    Open Sockets In Both Regions
    Kill First Region
    Second Region Should Serve Alone
    Revoke Session    ${PHONE}
    Restore First Region
    Move Database Back To First Region
    First Region Should Show What Was Done Without It
    Session Should Stay Ended And Users Go On


*** Keywords ***
Move Database Back To First Region
    [Documentation]    The first region's PostgreSQL has all of the second's, takes its place, and is followed by it.
    Follow Other Database    postgres
    Wait Until Keyword Passes    10s    Check Row Count    SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'    ==    1
    ...    alias=main
    Stop Service    postgres-standby
    Restore Database Connections
    ${promoted} =    Query    SELECT pg_promote(true, 30)    alias=main
    Should Be Equal    ${promoted}[0][0]    ${True}    the first region's PostgreSQL was not promoted
    Follow Other Database    postgres-standby

Session Should Stay Ended And Users Go On
    [Documentation]    What was revoked in the second region is refused everywhere; the user is signed in, and can send there, too.
    Wait Until Keyword Passes    20s    Every Service Should Accept Token
    Every Service Should Refuse Token    ${PHONE.access_token}    session_revoked
    Refresh Tokens
    VAR    &{message}    body=Back again
    Post To    backend-2    /api/conversations/${CONVERSATION}/messages    ${message}    ${ACCESS_TOKEN}    status=201
    Replicas Should Show Messages    2

Use Regions With Standby
    [Documentation]    Two regions; the standby of PostgreSQL is in the second.
    Open Private Platform    backends=2    own_redis=backend-2    standby=sync

Delay Second Region
    [Documentation]    Whatever the second region asks of the first takes a tenth of a second more.
    FOR    ${hop}    IN    @{FAR}
        Add Toxic    ${hop}    latency    latency=100ms    jitter=20ms
    END

Cut Second Region Off
    [Documentation]    Nothing of the first region can be reached from the second.
    FOR    ${hop}    IN    @{FAR}
        Cut Connection    ${hop}
    END

Heal Second Region
    [Documentation]    The first region can be reached again.
    FOR    ${hop}    IN    @{FAR}
        Heal Connection    ${hop}
    END

Regions Should Receive Each Other's Messages
    [Documentation]    In both directions, three times; both replicas show one history then.
    FOR    ${number}    IN RANGE    3
        Send Chat Message    ${number} in the first    first
        Receive Chat Message    ${number} in the first    second    within=5s
        Send Chat Message    ${number} in the second    second
        Receive Chat Message    ${number} in the second    first    within=5s
    END
    Replicas Should Show Messages    6

Session Should End In Both Regions
    [Documentation]    A session that is revoked ends in the second region too, within seconds.
    Revoke Session    ${PHONE}
    Open Socket Should Be Closed With    4003    phone    within=4s
    Get From    backend    /api/me    ${PHONE.access_token}    status=401
    Get From    backend-2    /api/me    ${PHONE.access_token}    status=401

Second Region Should Refuse
    [Documentation]    It cannot say who the user is, and says so.
    ${response} =    Wait Until Keyword Passes    10s    Get From    backend-2    /api/conversations    ${ACCESS_TOKEN}    status=503
    Answer Should Be Problem    ${response}    database_unavailable

Frontend Should Use First Region
    [Documentation]    Frontend leaves the replica out that has no database, and serves the user by the other.
    Wait Until Keyword Passes    10s    Frontend Should Answer By First Replica

Frontend Should Answer By First Replica
    [Documentation]    Ten requests in a row are answered by the first replica.
    FOR    ${number}    IN RANGE    10
        ${response} =    Get From    frontend    /api/me    ${ACCESS_TOKEN}
        Should Be Equal    ${response.json()}[served_by]    backend-1    frontend asks the region that is cut off, at request ${number}
    END

Kill First Region
    [Documentation]    PostgreSQL, Redis and the replica of the first region die, and the standby is promoted.
    Kill Service    backend-1
    Kill Service    redis
    Kill Service    postgres
    Promote Standby

Second Region Should Serve Alone
    [Documentation]    The second region stores a message, and serves the user by its API.
    Wait Until Keyword Passes    15s    Send In Second Region
    Wait Until Keyword Passes    10s    Get From    frontend    /api/conversations    ${ACCESS_TOKEN}

Send In Second Region
    [Documentation]    A message is stored in the second region, over a socket of its own.
    Open Chat Socket    alone    url=${BACKEND_2_SOCKET_URL}
    Send Chat Message    On its own    alone    client_msg_id=on-its-own

Restore First Region
    [Documentation]    Redis and the replica of the first region start again; the database stays where it is.
    Start Service    redis
    Start Service    backend-1

First Region Should Show What Was Done Without It
    [Documentation]    Both replicas show the message that was stored without the first.
    Wait Until Keyword Passes    15s    Replicas Should Show Messages    1

Use Regions With Connection Between
    [Documentation]    Two regions; what the second needs of the first goes over connections that can be disturbed.
    Open Private Platform    backends=2    own_redis=backend-2    proxies=${FAR}

Open Sockets In Both Regions
    [Documentation]    A new user with a conversation, a socket in it in each region, and a second session, ``PHONE``, in the second region.
    Sign In New User
    ${phone} =    Log In Again    ${USER}    client_id=mobile    device=phone
    VAR    ${PHONE}    ${phone}    scope=TEST
    Start Conversation
    Open Chat Socket    first    url=${BACKEND_SOCKET_URL}
    Open Chat Socket    second    url=${BACKEND_2_SOCKET_URL}
    Open Chat Socket    phone    token=${PHONE.access_token}    url=${BACKEND_2_SOCKET_URL}
    Subscribe    first
    Subscribe    second

Replicas Should Show Messages
    [Documentation]    Both replicas show the same so many messages of the conversation.
    [Arguments]    ${count: int}
    ${one} =    Get From    backend    /api/conversations/${CONVERSATION}/messages    ${ACCESS_TOKEN}
    ${other} =    Get From    backend-2    /api/conversations/${CONVERSATION}/messages    ${ACCESS_TOKEN}
    Should Be Equal    ${one.json()}    ${other.json()}    the regions show different histories
    Length Should Be    ${one.json()}[messages]    ${count}    the history has another length
