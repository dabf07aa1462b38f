*** Settings ***
Documentation       A lock has one holder, who alone gives it back, and an end of its own; while Redis is away nobody gets one, since no
...                 lock is better than two holders. Sources: docs/protocol.md §2.5; the Redis manual on locks of a single instance
...                 (``SET NX PX`` with a value of the holder's own, compared before it is deleted).
Library             BudgetLibrary
Resource            sessions.resource
Library             PlatformLibrary
Library             ProbeLibrary
Suite Setup         Open Private Platform    backends=1
Suite Teardown      Leave Platform
Test Setup          Get Free Lock Name
Test Tags           session-manager    p1    needs:session.admin    needs:redis


*** Test Cases ***
A Free Lock Is Granted For Its Time
    [Tags]    id:M10-01    req:M10.1    proto:2.5.30
    ${owner} =    Acquire Lock    ${LOCK}    ttl=1 minute
    Get Redis Value    lock:${LOCK}    ==    ${owner.value}
    Redis Should Keep Lock For    50s    60s
    Acquire Lock    another-${LOCK}    ttl=1 minute
    Release Lock    ${LOCK}    ${owner}
    Redis Key Should Not Exist    lock:${LOCK}
    Acquire Lock    ${LOCK}    ttl=1 minute

A Held Lock Is Refused And Nothing Of It Changes
    [Tags]    id:M10-02    req:M10.2    proto:2.5.18
    ${owner} =    Acquire Lock    ${LOCK}    ttl=1 minute
    Refusal Should Be    409 locked    Acquire Lock    ${LOCK}    ttl=1 hour
    Get Redis Value    lock:${LOCK}    ==    ${owner.value}    message=the lock has changed hands
    Redis Should Keep Lock For    0s    60s
    Release Lock    ${LOCK}    ${owner}

One Of Twenty Parallel Requests Gets The Lock
    [Tags]    id:M10-03    req:M10.2    extra
    Repeat Keyword    5 times    One Of Twenty Requests Should Get Lock

Only Its Holder Releases A Lock
    [Tags]    id:M10-04    req:M10.1    proto:2.5.20    extra
    ${owner} =    Acquire Lock    ${LOCK}    ttl=1 minute
    ${other_user} =    Acquire Lock    another-${LOCK}    ttl=1 minute
    Refusal Should Be    409 not_owner    Release Lock    ${LOCK}    ${other_user}
    Refusal Should Be    409 not_owner    Release Lock    ${LOCK}    made up
    Get Redis Value    lock:${LOCK}    ==    ${owner.value}    message=the lock has changed hands
    Release Lock    ${LOCK}    ${owner}
    Refusal Should Be    409 not_owner    Release Lock    ${LOCK}    ${owner}

A Dead Holder's Lock Is Free After Its Time
    [Tags]    id:M10-05    req:M10.2    proto:2.5.20    extra
    Note Time
    ${dead} =    Acquire Lock    ${LOCK}    ttl=1s
    ${heir} =    Lock Should Become Free
    Time Should Have Passed    1s
    Refusal Should Be    409 not_owner    Release Lock    ${LOCK}    ${dead}
    Get Redis Value    lock:${LOCK}    ==    ${heir.value}    message=the lock has changed hands
    Release Lock    ${LOCK}    ${heir}

A Lock Outlives A Restart Of Auth
    [Tags]    id:M10-06    req:M10.1    extra    needs:control.kill
    ${owner} =    Acquire Lock    ${LOCK}    ttl=10 minutes
    Kill Service    auth
    Start Service    auth
    Refusal Should Be    409 locked    Acquire Lock    ${LOCK}    ttl=1s
    Release Lock    ${LOCK}    ${owner}

No Lock Changes While Redis Is Dead
    [Tags]    id:M10-07    req:M10.2    extra    needs:control.kill
    ${owner} =    Acquire Lock    ${LOCK}    ttl=1 minute
    Kill Service    redis
    Refusal Should Be    503 redis_unavailable    Acquire Lock    ${LOCK}
    Refusal Should Be    503 redis_unavailable    Acquire Lock    another-${LOCK}
    Refusal Should Be    503 redis_unavailable    Release Lock    ${LOCK}    ${owner}
    Start Service    redis
    Lock Should Become Free
    [Teardown]    Restore Redis For Auth

A Held Lock Survives A Hanging Redis
    [Tags]    id:M10-08    req:M10.2    extra    needs:control.pause
    ${owner} =    Acquire Lock    ${LOCK}    ttl=10 minutes
    Pause Service    redis
    Refusal Should Be    503 redis_unavailable    Acquire Lock    ${LOCK}
    Resume Service    redis
    Restore Redis For Auth
    Refusal Should Be    409 locked    Acquire Lock    ${LOCK}
    Release Lock    ${LOCK}    ${owner}
    [Teardown]    Restore Redis For Auth


*** Keywords ***
Get Free Lock Name
    [Documentation]    A name that no lock has had: sets ``LOCK`` for the test.
    ${made} =    Get Random UUID
    VAR    ${LOCK}    m10:${made}    scope=TEST

Refusal Should Be
    [Documentation]    The keyword's call is answered by auth with this status and problem.
    [Arguments]    ${answer}    ${keyword}    @{arguments}    &{named}
    Run Keyword And Expect Error    *answered by auth with ${answer}*    ${keyword}    @{arguments}    &{named}

Redis Should Keep Lock For
    [Documentation]    The lock ends by itself, after at least and at most so long.
    [Arguments]    ${least}    ${most}
    ${shortest} =    Convert Time    ${least}
    ${longest} =    Convert Time    ${most}
    Get Redis Ttl    lock:${LOCK}    >=    ${shortest}
    Get Redis Ttl    lock:${LOCK}    <=    ${longest}

One Of Twenty Requests Should Get Lock
    [Documentation]    Twenty requests at one instant: one gets the lock, the others are notified that it is held; Redis names the one.
    VAR    &{request}    method=POST    url=${AUTH_URL}/admin/locks/${LOCK}    token=${SERVICE_TOKEN}    json=${{ {'ttl': 600} }}
    ${replies} =    Send At Once    ${{ [$request] * 20 }}    ca_file=${CA_FILE}
    VAR    ${owners}    ${{ [reply.json['owner'] for reply in $replies if reply.status == 201] }}
    Length Should Be    ${owners}    1    ${{ len($owners) }} of 20 takers hold the lock, not one
    VAR    ${others}    ${{ {(reply.status, reply.code) for reply in $replies if reply.status != 201} }}
    Should Be Equal    ${others}    ${{ {(409, 'locked')} }}    the other takers were answered otherwise
    Get Redis Value    lock:${LOCK}    ==    ${owners}[0]
    Release Lock    ${LOCK}    ${owners}[0]

Note Time
    [Documentation]    Sets ``BEGUN`` for `Time Should Have Passed`.
    VAR    ${BEGUN}    ${{ time.monotonic() }}    scope=TEST

Time Should Have Passed
    [Documentation]    So much time is over since `Note Time`. Redis counts milliseconds of another clock: a few may be missing.
    [Arguments]    ${time}
    ${wanted} =    Convert Time    ${time}
    VAR    ${passed}    ${{ time.monotonic() - $BEGUN }}
    Should Be True    ${passed} >= ${wanted} - 0.01    the lock was free after ${passed} s, before its time was over

Lock Should Become Free
    [Documentation]    A user who asks again and again gets the lock; returns their owner token.
    ${owner} =    Wait Until Keyword Passes    10s    Acquire Lock    ${LOCK}    ttl=10 minutes
    RETURN    ${owner}
