*** Settings ***
Documentation       A standby that lacks something takes over: the numbers of what is lost are given again, in a new log,
...                 and who signed out stays signed out.
...                 Sources: PostgreSQL manual, High Availability (asynchronous replication), Continuous Archiving (timelines);
...                 docs/protocol.md §4.
Library             PlatformLibrary
Resource            auth.resource
Resource            databases.resource
Resource            fail_over_postgres.resource
Resource            http.resource
Resource            platform.resource
Resource            socket.resource
Test Setup          Open Private Platform    backends=2    standby=async
Test Teardown       Leave Platform With Standby
Test Tags           fail-over    p1    req:K02    needs:ws    needs:ws.resume    needs:db.main    needs:replicas.2
...                 needs:platform.private    needs:control.kill


*** Test Cases ***
A Promoted Standby That Lagged Begins New Logs
    [Documentation]    Nobody is shown the one message for the other: open sockets end, positions from before are declared lost.
    [Tags]    id:K02-06    proto:4.65    proto:4.129    proto:R4.14
    Sign In With A Message At The Standby
    Promote Standby Without Last Message
    Number Should Be Given Again
    Open Socket Should Be Closed With    4010    open    within=15s
    Position Should Be Declared Lost
    Log Should Go On In One Epoch

A Promoted Standby That Lagged Revives No Session
    [Documentation]    It has the session as if nobody had signed out; Redis remembers who did.
    [Tags]    id:K02-07    proto:2.5.60    proto:R4.13
    Sign Out Behind Standby
    Kill Service    postgres
    Promote Standby
    First Answer Should Refuse Session
    Wait Until Keyword Passes    20s    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
    Refresh Should Be Refused With    ${REFRESH_TOKEN}    invalid_grant
    Session Row Should Be Revoked

A Revocation Is Written Again After Redis Was Frozen
    [Documentation]    While the standby is promoted Redis cannot say who signed out; it says so as soon as it answers.
    [Tags]    id:K02-08    proto:2.5.60    proto:R4.13    needs:control.pause
    Sign Out Behind Standby
    Pause Service    redis
    Kill Service    postgres
    Promote Standby
    Wait Until Keyword Passes    20s    Get Judged Answer
    Resume Service    redis
    Wait Until Keyword Passes    20s    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
    Refresh Should Be Refused With    ${REFRESH_TOKEN}    invalid_grant
    Session Row Should Be Revoked


*** Keywords ***
Leave Platform With Standby
    [Documentation]    For a teardown: closes what is open and ends the platform.
    Close All Connections
    Run Keyword And Ignore Error    Resume Service    redis
    Leave Platform

Sign In With A Message At The Standby
    [Documentation]    A new user with a conversation, a socket at each replica, and a message that primary and standby have.
    Sign In New User
    Start Conversation
    ${welcome} =    Open Chat Socket    late    url=${BACKEND_SOCKET_URL}
    VAR    ${CLIENT_ID}    ${welcome}[client_id]    scope=TEST
    Open Chat Socket    open    url=${BACKEND_2_SOCKET_URL}
    Subscribe    open
    Send Chat Message    at both    late
    Read Standby    ${STANDBY_MAIN_DB_URL}
    Wait Until Keyword Passes    10s    Check Row Count    SELECT 1 FROM messages WHERE conversation_id = '${CONVERSATION}'    ==    1
    ...    alias=standby

Sign Out Behind Standby
    [Documentation]    A new user, whose session primary and standby have, signs out once the standby follows no longer.
    Sign In New User
    Read Standby    ${STANDBY_AUTH_DB_URL}
    Wait Until Keyword Passes    10s    Check Row Count    SELECT 1 FROM sessions WHERE id = '${USER.session_id}'    ==    1
    ...    alias=standby
    Stop Replication
    Log Out

Read Standby
    [Documentation]    Opens one of the databases of the standby.
    [Arguments]    ${url}
    Open Database    standby    ${url}
    Set Auto Commit    ${True}    alias=standby

Stop Replication
    [Documentation]    The standby follows its primary no longer, and can be read.
    Execute Sql String    ALTER SYSTEM SET primary_conninfo = ''    alias=standby    no_transaction=True
    Query    SELECT pg_reload_conf()    alias=standby
    Wait Until Keyword Passes    10s    Check Row Count    SELECT 1 FROM pg_stat_wal_receiver    ==    0    alias=standby

Promote Standby Without Last Message
    [Documentation]    A message is acknowledged that the standby has not; its tab leaves with that position, ``LOST``. The primary
    ...    dies, and the standby is promoted.
    Stop Replication
    ${lost} =    Send Chat Message    lost    late
    VAR    ${LOST}    ${lost}    scope=TEST
    Receive Chat Message    lost    open
    Close Connection    late
    Kill Service    postgres
    Promote Standby

Number Should Be Given Again
    [Documentation]    The next message is stored under the number of the one that was lost, and another after it.
    VAR    ${path}    /api/conversations/${CONVERSATION}/messages
    VAR    &{body}    body=in its place    client_msg_id=in-its-place
    Wait Until Keyword Passes    20s    Post To    backend    ${path}    ${body}    ${ACCESS_TOKEN}    status=201
    ${response} =    Post To    backend    ${path}    ${{ {'body': 'after it'} }}    ${ACCESS_TOKEN}    status=201
    Should Be Equal As Integers    ${response.json()}[seq]    ${{ $LOST['seq'] + 1 }}    the number is not given again: nothing is proved

Position Should Be Declared Lost
    [Documentation]    The tab that comes back with the lost message is told that the log began again, and is replayed nothing.
    VAR    &{held}    epoch=${LOST}[epoch]    seq=${LOST}[seq]
    Open Chat Socket    again    url=${BACKEND_2_SOCKET_URL}    client_id=${CLIENT_ID}
    ${resumed} =    Resume    ${CLIENT_ID}    ${{ {$CONVERSATION: $held} }}    again
    Should Be Equal    ${{ ($resumed['recovered'], $resumed['reason'], $resumed['replayed']) }}    ${{ (False, 'epoch_changed', 0) }}
    ...    what a tab is told that has a message which is lost
    VAR    ${POSITIONS}    ${resumed}[positions]    scope=TEST

Log Should Go On In One Epoch
    [Documentation]    The tab reads the log as it is now, and goes on in it, after the next connection too.
    ${read} =    Get From    backend    /api/conversations/${CONVERSATION}/messages    ${ACCESS_TOKEN}
    Should Be Equal    ${{ [one['body'] for one in $read.json()['messages']] }}    ${{ ['at both', 'in its place', 'after it'] }}
    ...    the log as it is read
    Should Be Equal    ${{ {one['epoch'] for one in $read.json()['messages']} | {$read.json()['epoch']} }}
    ...    ${{ {$POSITIONS[$CONVERSATION]['epoch']} }}    the epochs that REST and the socket name
    Close Connection    again
    Open Chat Socket    once more    client_id=${CLIENT_ID}
    ${resumed} =    Resume    ${CLIENT_ID}    ${POSITIONS}    once more
    Should Be True    $resumed['recovered']    the log does not go on: ${resumed}

First Answer Should Refuse Session
    [Documentation]    The first answer of auth that is not ``503`` is ``401``.
    ${answer} =    Wait Until Keyword Passes    20s    Get Judged Answer
    Should Be Equal As Integers    ${answer.status_code}    401    the first answer about a session that was signed out

Get Judged Answer
    [Documentation]    What auth answers to the access token, unless it has no database now.
    ${answer} =    Get From    auth    /users/me    ${ACCESS_TOKEN}    status=any
    Should Not Be Equal As Integers    ${answer.status_code}    503
    RETURN    ${answer}

Session Row Should Be Revoked
    [Documentation]    The promoted server has the session as revoked, for the reason that it was ended for.
    Check Query Result    SELECT status || ' ' || revoke_reason FROM sessions WHERE id = '${USER.session_id}'    ==    revoked logout
    ...    alias=auth
