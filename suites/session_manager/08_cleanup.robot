*** Settings ***
Documentation       A clean-up ends what has expired in its row and removes every trace of it from Redis, tells true counts of both, and
...                 makes up for what a store kept it from. Sources: docs/protocol.md §2.5; OWASP ASVS 5.0 7.3.1 and 7.3.2 (a session ends
...                 after idleness, and at the end of its lifetime), 7.4.1 (no further use of what has ended).
Resource            sessions.resource
Library             PlatformLibrary
Library             ProbeLibrary
Suite Setup         Open Private Platform    backends=1    SESSION_SWEEP=0
Suite Teardown      Leave Platform
Test Setup          Expire Open Sessions
Test Tags           session-manager    p1    needs:session.admin    needs:redis    needs:db.auth


*** Test Cases ***
A Clean-up Removes Expired Sessions From Redis
    [Tags]    id:M08-02    req:M08.1    proto:2.5.15
    Create User With Live And Expired Session    idle_ttl=1 hour
    Redis Should Hold All Of Session    ${EXPIRED}
    Clean-up Should Count    expired=1    removed_keys=2    errors=0
    Session Should Be Swept    ${EXPIRED}
    Session Token Should Be Invalid    ${EXPIRED}    expired    database
    Stores Should Agree On Session    ${LIVING}
    Clean-up Should Count    expired=0    removed_keys=0    errors=0

Only What Was Really Removed Is Counted As Removed
    [Documentation]    Three have expired; of one Redis has its document and its token still, of one its token, of one only its place in the
    ...    list.
    [Tags]    id:M08-03    req:M08.1    proto:2.5.15    extra
    Create User With Live And Expired Session    absolute_ttl=1 hour
    Create User With Live And Expired Session    absolute_ttl=1 hour
    Delete Redis Keys    session:${EXPIRED.session_id}
    Create User With Live And Expired Session    absolute_ttl=1 hour
    Move Session Into Past    1s    ${EXPIRED}
    Clean-up Should Count    expired=3    removed_keys=3    errors=0
    Session Should Be Swept    ${EXPIRED}

However Many Have Expired One Clean-up Ends Them All
    [Tags]    id:M08-04    req:M08.1    extra
    Create Load Users With Expired Sessions    600
    Clean-up Should Count    expired=600    removed_keys=600    errors=0
    Nothing Should Be Left Of Load Users

Parallel Clean-ups Count Each Session Once
    [Tags]    id:M08-05    req:M08.1    extra
    Create Load Users With Expired Sessions    200
    ${counts} =    Run Four Clean-ups At Once
    Counts Should Be    ${counts}    expired=200    removed_keys=200    errors=0
    Nothing Should Be Left Of Load Users

A Revoked Session That Expires Stays Revoked
    [Tags]    id:M08-06    req:M08.1    extra
    Create User With Session    idle_ttl=1 hour
    Revoke Session    ${SESSION}    reason=lost device
    Move Session Into Past    61 min
    Clean-up Should Count    expired=0    removed_keys=0    errors=0
    Session Row Should Be    ${SESSION.session_id}    revoked
    Session Token Should Be Invalid    ${SESSION}    revoked    database

A Clean-up Reports Redis Errors And Completes Later
    [Tags]    id:M08-07    req:M08.2    needs:control.pause
    Create User With Live And Expired Session    idle_ttl=1 hour
    Pause Redis Until Auth Notices    ${LIVING}
    Clean-up Should Count    expired=1    removed_keys=0    errors=1
    Session Row Should Be    ${EXPIRED.session_id}    expired
    Resume Service    redis
    Redis Should Lose Session    ${EXPIRED}
    Redis Should Find Session Again    ${LIVING}
    Stores Should Agree On Session    ${LIVING}
    Clean-up Should Count    expired=0    removed_keys=0    errors=0
    [Teardown]    Restore Redis For Auth

A Clean-up Without Redis Counts One Error A Session
    [Tags]    id:M08-08    req:M08.2    extra    needs:control.kill
    Create User With Live And Expired Session    idle_ttl=1 hour
    Kill Service    redis
    Clean-up Should Count    expired=1    removed_keys=0    errors=1
    Session Should Have Ended In Its Row    ${EXPIRED}
    Start Service    redis
    Redis Should Find Session Again    ${LIVING}
    Redis Should Hold Nothing Of Session    ${EXPIRED}
    [Teardown]    Restore Redis For Auth

A Clean-up Without A Database Is Refused
    [Tags]    id:M08-09    req:M08.2    extra    needs:control.kill
    Create User With Live And Expired Session    idle_ttl=1 hour
    Kill Service    postgres
    Auth Should See Its Dependencies    database=down    redis=up
    Session Manager Should Refuse    cleanup    503    database_unavailable
    Redis Should Hold All Of Session    ${EXPIRED}
    Restore Database
    Clean-up Should Count    expired=1    removed_keys=2    errors=0
    Session Should Be Swept    ${EXPIRED}
    [Teardown]    Restore Database

A Damaged List In Redis Stops No Clean-up
    [Tags]    id:M08-10    req:M08.2    proto:2.5.38    extra
    Create User With Live And Expired Session    idle_ttl=1 hour
    Create User With Live And Expired Session    idle_ttl=1 hour
    Set Redis Value    user:${USER_ID}:sessions    no list
    Clean-up Should Count    expired=2    removed_keys=4    errors=0
    Session Should Be Swept    ${EXPIRED}
    Get Redis Value    quarantine:user:${USER_ID}:sessions    ==    no list
    Record Session Activity    ${LIVING}
    Stores Should Agree On Session    ${LIVING}


*** Keywords ***
Expire Open Sessions
    [Documentation]    Neither rows nor keys of earlier tests are left: what a clean-up counts is of this test.
    Execute Sql String    DELETE FROM sessions    alias=auth
    Delete Redis Keys    session:*
    Delete Redis Keys    user:*

Create User With Live And Expired Session
    [Documentation]    The row of one says that it has ended a minute ago after the hour that it was made for, and Redis knows it as it was.
    ...    Sets ``LIVING`` and ``EXPIRED``.
    [Arguments]    &{lifetime}
    Create User With Session    &{lifetime}
    VAR    ${EXPIRED}    ${SESSION}    scope=TEST
    ${living} =    Create Managed Session    ${USER_ID}
    VAR    ${LIVING}    ${living}    scope=TEST
    Move Row Into Past    61 min    ${EXPIRED}

Create Load Users With Expired Sessions
    [Documentation]    So many users with a session each, which Redis knows and whose idle time is over. Sets ``LOAD_USERS``, the sessions'
    ...    ids.
    [Arguments]    ${count: int}
    ${users} =    Create Load Users    ${count}
    VAR    ${LOAD_USERS}    ${{ [user.session_id for user in $users] }}    scope=TEST
    Execute Sql String    UPDATE sessions SET idle_expires_at = now() - interval '1 s'    alias=auth
    Get Redis Keys    session:*    validate    len(value) == ${count}    message=Redis does not know the load users's sessions

Nothing Should Be Left Of Load Users
    [Documentation]    All rows say that the session has expired; Redis holds neither documents nor lists.
    Should Be Stored    auth    what has become of the load users's sessions
    ...    SELECT DISTINCT status FROM sessions WHERE id = ANY(%s::uuid[])    ${LOAD_USERS}    expired
    Get Redis Keys    session:*    ==    ${{ [] }}    message=documents are left in Redis
    Get Redis Keys    user:*:sessions    ==    ${{ [] }}    message=lists are left in Redis

Clean-up Should Count
    [Documentation]    A clean-up answers with exactly these counts.
    [Arguments]    &{counts}
    ${reported} =    Clean Up Sessions
    Counts Should Be    ${reported}    &{counts}

Counts Should Be
    [Documentation]    What a clean-up tells, or several in sum, is exactly this.
    [Arguments]    ${reported}    &{counts}
    VAR    ${wanted}    ${{ {name: int(count) for name, count in $counts.items()} }}
    Should Be Equal    ${{ dict($reported) }}    ${wanted}    the counts of the clean-up

Run Four Clean-ups At Once
    [Documentation]    Four clean-ups begin at one instant; returns the sum of what they count.
    VAR    &{request}    method=POST    url=${AUTH_URL}/admin/sessions/cleanup    token=${SERVICE_TOKEN}
    ${replies} =    Send At Once    ${{ [$request] * 4 }}    ca_file=${CA_FILE}
    VAR    ${refused}    ${{ [(reply.status, reply.error or reply.text) for reply in $replies if reply.status != 200] }}
    Should Be Empty    ${refused}    clean-ups were refused: ${refused}
    VAR    &{sum}    expired=${{ sum(reply.json['expired'] for reply in $replies) }}
    ...    removed_keys=${{ sum(reply.json['removed_keys'] for reply in $replies) }}
    ...    errors=${{ sum(reply.json['errors'] for reply in $replies) }}
    RETURN    ${sum}

Redis Should Hold All Of Session
    [Documentation]    Its document, the way from its session token to it, and its entry among its user's sessions.
    [Arguments]    ${session}
    Redis Key Should Exist    session:${session.session_id}
    ${token_key} =    Get Redis Key Of Session Token    ${session.session_token}
    Get Redis Value    ${token_key}    ==    ${session.session_id}
    Get Redis Sorted Set    user:${session.user_id}:sessions    contains    ${session.session_id}

Session Should Be Swept
    [Documentation]    The row says that the session has expired, and Redis holds no trace of it.
    [Arguments]    ${session}
    Session Should Have Ended In Its Row    ${session}
    Redis Should Hold Nothing Of Session    ${session}

Session Should Have Ended In Its Row
    [Documentation]    Row and audit trail say that the session has expired.
    [Arguments]    ${session}
    Session Row Should Be    ${session.session_id}    expired
    ${events} =    Get Session Events    ${session}
    Should Be Equal    ${events}[-1][type]    expired    the last event of the session
