*** Settings ***
Documentation       A write is sent again only where that is safe, and where it is safe it is; a breaker that tries lets one through; a
...                 service without the service it needs says so, and blames nobody's token.
...                 Sources: RFC 9110 §9.2.2 (what may be repeated), §15.6.4 and §10.2.3 (503, Retry-After), M. Nygard, Release It! (circuit
...                 breaker); docs/protocol.md §1, §3.1 and §5.
Library             Collections
Library             BudgetLibrary
Library             PlatformLibrary
Library             ProbeLibrary
Resource            outage.resource
Resource            platform.resource
Resource            rest.resource
Suite Setup         Open Private Platform    backends=2
...                     proxies=frontend->auth, frontend->backend, backend->auth, backend->redis, auth->postgres, auth->redis
...                     AUTH_TIMEOUT=8    BREAKER_THRESHOLD=2    BREAKER_TTL=0.3    INTROSPECTION_TTL=0.05
Suite Teardown      Leave Platform
Test Setup          Create User With Empty Conversation
Test Teardown       Restore Hops And Replicas
Test Tags           contract    p1    needs:net.faults    needs:replicas.2    needs:db.main


*** Variables ***
${TRIALS}           circuit_breaker_changes_total{before="open",now="half-open"}
${QUESTIONS}        http_requests_total{route="/auth/introspect"}
${SENT_AGAIN}       frontend_repeated_total{service="backend"}


*** Test Cases ***
A Write Without Answer Is Repeated Only With A Key
    [Tags]    id:CT-37    req:C09.2    req:P07    proto:5.41    proto:R1.12
    Both Replicas Should Serve
    Writes Should Survive Lost Answers

A Write That Reached Nobody Goes To Another Replica
    [Tags]    id:CT-38    req:C09.2    req:P07    proto:5.42
    Both Replicas Should Serve
    Writes To Lost Replica Should Be Repeated

A Half-open Breaker Lets One Request Through
    [Tags]    id:CT-39    req:C06.3    req:C06.4    req:S10    proto:1.36
    Open Breaker With Load Users
    Half-open Breaker Should Ask Auth Once A Trial

A Replica That Starts Without Auth Blames No Token
    [Tags]    id:CT-40    req:C06.2    proto:2.3.17    proto:4.14    needs:control.restart    needs:ws
    Start Replica Without Auth
    Replica Should Report Auth Away
    Replica Should Accept Token After Heal

A Starting Replica Deletes Outdated Rows
    [Tags]    id:CT-41    req:S04    proto:3.3.03    proto:3.3.04    proto:3.3.05    needs:control.restart    needs:ws
    Store Outdated And Current Rows
    Restart Service    backend-2
    Only Current Rows Should Be Left

Health Names Only The Dependency That Is Away
    [Tags]    id:CT-42    req:H03    proto:1.32
    [Template]    Health Should Report Cut
    backend-1->redis     backend     database=up    redis=down
    frontend->backend    frontend    auth=up    backend=down
    frontend->auth       frontend    auth=down    backend=up
    auth->redis          auth        database=up    redis=down


*** Keywords ***
Write While Answers Of One Replica Are Lost
    [Documentation]    Ten messages without a key and ten with one go through frontend at one instant; what the first replica answers never
    ...    comes back. Sets ``UNKEYED`` and ``KEYED``, the replies.
    [Arguments]    ${try}
    ${unkeyed} =    Make Ten Writes    unkeyed, try ${try}
    ${keyed} =    Make Ten Writes    keyed, try ${try}    keyed=True
    Add Toxic    frontend->backend-1    timeout    stream=downstream    name=lost
    ${replies} =    Send At Once    ${{ $unkeyed + $keyed }}    ca_file=${CA_FILE}
    Heal Connection    frontend->backend-1
    VAR    ${UNKEYED}    ${replies}[:10]    scope=TEST
    VAR    ${KEYED}    ${replies}[10:]    scope=TEST

Every Write With Key Should Be Answered
    [Documentation]    The other replica answered for the one whose answers were lost.
    VAR    ${refused}    ${{ [(reply.status, reply.code or reply.error) for reply in $KEYED if reply.status not in (200, 201)] }}
    Should Be Empty    ${refused}    of ten writes with a key ${{ len($refused) }} were refused though another replica was there: ${refused}

Writes Without Key Should Report Unknown Outcome
    [Documentation]    Those whose answer was lost are answered 503 ``backend_unavailable``, the others 201; returns how many were lost.
    VAR    ${answers}    ${{ [(reply.status, reply.code or reply.error) for reply in $UNKEYED] }}
    VAR    ${others}    ${{ [answer for answer in $answers if answer not in ((201, ''), (503, 'backend_unavailable'))] }}
    Should Be Empty    ${others}    writes without a key whose answer was lost are answered ${others}
    RETURN    ${{ [answer[0] for answer in $answers].count(503) }}

Writes Should Survive Lost Answers
    [Documentation]    Whatever frontend is answered or not: each write is stored once, and those with a key are answered. Where frontend
    ...    had found out about the replica before they came, it is tried again.
    FOR    ${try}    IN RANGE    1    4
        Write While Answers Of One Replica Are Lost    ${try}
        Every Write Should Be Stored Once    ${{ $try * 20 }}
        Every Write With Key Should Be Answered
        ${lost} =    Writes Without Key Should Report Unknown Outcome
        IF    ${lost}    RETURN
        Restore Hops And Replicas
    END
    End Without Verdict    nothing was proved: at no try was the answer to a write lost

Writes To Lost Replica Should Be Repeated
    [Documentation]    Ten writes without a key meet a replica that takes no connection any more; each is answered 201. Where frontend had
    ...    found out before they came, it is tried again.
    FOR    ${try}    IN RANGE    1    6
        ${requests} =    Make Ten Writes    try ${try}
        ${before} =    Get Service Metric    frontend    ${SENT_AGAIN}
        Disable Hop    frontend->backend-1
        ${replies} =    Send At Once    ${requests}    ca_file=${CA_FILE}
        ${after} =    Get Service Metric    frontend    ${SENT_AGAIN}
        Every Write Should Be Accepted    ${replies}
        Every Write Should Be Stored Once    ${{ $try * 10 }}
        IF    $after > $before    RETURN
        Restore Hops And Replicas
    END
    End Without Verdict    nothing was proved: at no try did a write meet the replica that was gone

Every Write Should Be Accepted
    [Documentation]    Each of these replies is a 201.
    [Arguments]    ${replies}
    VAR    ${refused}    ${{ [(reply.status, reply.code or reply.error) for reply in $replies if reply.status != 201] }}
    Should Be Empty    ${refused}    ${{ len($refused) }} of ten writes that reached nobody were not sent to the other replica: ${refused}

Start Replica Without Auth
    [Documentation]    The first replica is started again while auth is out of its reach: it has no signing keys.
    Cut Connection    backend-1->auth
    Restart Service    backend-1

Replica Should Report Auth Away
    [Documentation]    A good token is answered 503 ``auth_unavailable`` over REST and at the handshake, not as one that is bad.
    ${response} =    Get From    backend    /api/me    ${ACCESS_TOKEN}    status=anything
    Should Be Equal As Integers    ${response.status_code}    503    a replica without signing keys refuses a good token
    Answer Should Be Problem    ${response}    auth_unavailable
    Should Be True    int($response.headers['Retry-After']) >= 1    no Retry-After
    Socket Handshake Should Be Refused With    503    url=${BACKEND_SOCKET_URL}    code=auth_unavailable

Replica Should Accept Token After Heal
    [Documentation]    Healed, the replica finds the keys by itself.
    Heal Connection    backend-1->auth
    Wait Until Keyword Passes    10s    Get From    backend    /api/me    ${ACCESS_TOKEN}

Store Outdated And Current Rows
    [Documentation]    The user has two notifications, tabs and ended sessions: of each one a minute past its time, and one with a minute
    ...    left. Sets ``OUTDATED`` and ``CURRENT``.
    ${outdated} =    Store Rows Outdated By    60
    ${current} =    Store Rows Outdated By    -60
    VAR    @{OUTDATED}    @{outdated}    scope=TEST
    VAR    @{CURRENT}    @{current}    scope=TEST

Store Rows Outdated By
    [Documentation]    A notification, a tab and an ended session that a replica was to delete so many seconds ago; returns where each is.
    [Arguments]    ${seconds: int}
    ${window} =    Get Platform Limit    resume_window
    ${event} =    Notify    past its time by ${seconds} s
    ${id} =    Get Random UUID
    Execute Sql String    UPDATE notifications SET created_at = now() - make_interval(secs => %s) WHERE event_id = %s
    ...    alias=main    parameters=${{ [$window + $seconds, $event] }}
    VAR    ${seen}    INSERT INTO socket_clients (user_id, client_id, session_id, replica, last_seen)
    ...    VALUES (%s, %s, 'long ago', 'gone', now() - make_interval(secs => %s))
    Execute Sql String    ${seen}    alias=main    parameters=${{ [$USER.id, $id, 2 * $window + $seconds] }}
    VAR    ${ended}    INSERT INTO revoked_sessions (sid, user_id, reason, expires_at)
    ...    VALUES (%s, %s, 'logout', now() - make_interval(secs => %s))
    Execute Sql String    ${ended}    alias=main    parameters=${{ [$id, $USER.id, 3600 + $seconds] }}
    VAR    @{rows}    notifications WHERE event_id = '${event}'    socket_clients WHERE client_id = '${id}'
    ...    revoked_sessions WHERE sid = '${id}'
    RETURN    ${rows}

Only Current Rows Should Be Left
    [Documentation]    What is past its time is eventually deleted; what is not stays.
    FOR    ${what}    IN    @{OUTDATED}
        Wait Until Keyword Passes    10s    Check Row Count    SELECT 1 FROM ${what}    ==    0    alias=main
        ...    assertion_message=nobody deletes what is past its time: {value} row of ${what}
    END
    FOR    ${what}    IN    @{CURRENT}
        Check Row Count    SELECT 1 FROM ${what}    ==    1    alias=main
        ...    assertion_message=what can still be asked for is deleted: {value} rows of ${what}
    END

Health Should Report Cut
    [Documentation]    With this hop cut the service stays ready, and its ``/health`` comes to show this, and after that all up again.
    [Arguments]    ${hop}    ${endpoint}    &{expected}
    Health Should Become    ${endpoint}    &{{ dict.fromkeys($expected, 'up') }}
    Cut Connection    ${hop}
    Health Should Become    ${endpoint}    &{expected}
    Heal Connection    ${hop}
    Health Should Become    ${endpoint}    &{{ dict.fromkeys($expected, 'up') }}

Open Breaker With Load Users
    [Documentation]    Ten users, of whom the first replica's Redis is out of reach; auth fails, and takes its time to say so, so that
    ...    questions of one instant overlap. (It takes less than the replica waits: what it was asked is counted when a volley is
    ...    answered.) The breaker is eventually open. Sets ``LOAD_USERS``.
    Wait Until Breaker Is Closed
    ${load_users} =    Create Load Users    10
    Userbase Should Hold    ${load_users}
    VAR    ${LOAD_USERS}    ${load_users}    scope=TEST
    Cut Connection    backend-1->redis
    Make Auth Answer With Errors
    Delay Connection    backend-1->auth    100ms
    Wait Until Keyword Passes    15s    Load Users Should Find Breaker Open

Load Users Should Find Breaker Open
    [Documentation]    One volley, after which the breaker is open.
    Ask For Load Users At Once
    Breaker Should Become    open    within=100ms

Half-open Breaker Should Ask Auth Once A Trial
    [Documentation]    While it tries three times, each time with all load users at the endpoint, auth is notified of one question a trial.
    ${asked} =    Get Service Metric    auth    ${QUESTIONS}
    ${before} =    Get Service Metric    backend-1    ${TRIALS}
    WHILE    True    limit=20s
        Ask For Load Users At Once
        ${now} =    Get Service Metric    backend-1    ${TRIALS}
        IF    $now >= $before + 3    BREAK
    END
    ${received} =    Get Service Metric    auth    ${QUESTIONS}
    Should Be Equal As Integers    ${{ $received - $asked }}    ${{ $now - $before }}
    ...    in ${{ int($now - $before) }} trials of a half-open breaker auth was asked another number of times

Restore Hops And Replicas
    [Documentation]    Heals every hop; both replicas come to serve through frontend, and their breakers are eventually closed.
    Close All Connections
    Heal All
    Wait Until Keyword Passes    15s    Both Replicas Should Serve
    Both Breakers Should Close

Both Replicas Should Serve
    [Documentation]    Of some requests through frontend each replica answers one, and auth answers too.
    VAR    &{request}    url=${PUBLIC_URL}/api/me    token=${ACCESS_TOKEN}
    ${replies} =    Send At Once    ${{ [$request] * 6 }}    ca_file=${CA_FILE}
    VAR    ${served}    ${{ {reply.status == 200 and reply.json['served_by'] for reply in $replies} }}
    Should Be Equal    ${served}    ${{ {'backend-1', 'backend-2'} }}    requests through frontend are served by
    Get From    frontend    /users/me    ${ACCESS_TOKEN}

Make Ten Writes
    [Documentation]    Requests for `Send At Once`: ten messages through frontend, each with another body, with or without a key of its own.
    [Arguments]    ${name}    ${keyed: bool}=${False}
    VAR    @{requests}    @{EMPTY}
    FOR    ${number}    IN RANGE    10
        ${key} =    Get Random UUID
        VAR    &{headers}    &{EMPTY}
        IF    $keyed    VAR    &{headers}    Idempotency-Key=${key}
        VAR    &{body}    body=${name} ${number}
        VAR    &{request}    method=POST    url=${PUBLIC_URL}/api/conversations/${CONVERSATION}/messages    token=${ACCESS_TOKEN}
        ...    headers=${headers}    json=${body}
        Append To List    ${requests}    ${request}
    END
    RETURN    ${requests}

Every Write Should Be Stored Once
    [Documentation]    The main database holds as many messages of the conversation as there were writes, no body twice.
    [Arguments]    ${count: int}
    Wait Until Keyword Passes    5s    Check Row Count
    ...    SELECT 1 FROM messages WHERE conversation_id = '${CONVERSATION}'    >=    ${count}    alias=main
    ...    assertion_message=only {value} of ${count} writes are stored
    ${rows} =    Get Stored Messages    ${CONVERSATION}
    VAR    ${bodies}    ${{ [row['body'] for row in $rows] }}
    VAR    ${twice}    ${{ sorted(body for body, times in collections.Counter($bodies).items() if times > 1) }}
    Should Be Empty    ${twice}    ${{ len($twice) }} of ${count} messages are stored twice: ${twice}
    Length Should Be    ${bodies}    ${count}    ${{ len($bodies) }} messages are stored of ${count} writes

Health Should Become
    [Documentation]    Within some seconds ``/health`` is 200 and names exactly these dependencies as up or down.
    [Arguments]    ${endpoint}    &{expected}
    Wait Until Keyword Passes    10s    Health Should Be    ${endpoint}    ${expected}

Health Should Be
    [Documentation]    One answer of ``/health``.
    [Arguments]    ${endpoint}    ${expected}
    ${response} =    Get From    ${endpoint}    /health
    Should Be Equal    ${response.json()}[dependencies]    ${expected}    /health of ${endpoint} shows other dependencies

Ask For Load Users At Once
    [Documentation]    Each of the load users asks the first replica twice, all at one instant; all are served, by their tokens alone.
    VAR    @{urls}    ${BACKEND_URL}/api/me    ${BACKEND_URL}/api/me
    VAR    @{requests}    @{{ [dict(url=url, token=user.access_token) for user, url in itertools.product($LOAD_USERS, $urls)] }}
    ${replies} =    Send At Once    ${requests}
    VAR    ${others}    ${{ [(r.status, r.code or r.error) for r in $replies if r.status != 200] }}
    Should Be Empty    ${others}    not every user was answered with 200: ${others}
    VAR    ${ways}    ${{ {reply.json['session_check'] for reply in $replies} }}
    Should Be Equal    ${ways}    ${{ {'jwt-only'} }}    the sessions were found by
