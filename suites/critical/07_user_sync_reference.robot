*** Settings ***
Documentation       A user has one id and the same data in auth and in backend, whatever happens between them; who is gone is gone for all.
...                 The promise is at-least-once delivery, applied once, in the order of versions. Sources: docs/protocol.md §2.6 and §3.3
...                 (outbox, versions, tombstones), OWASP ASVS 5.0 7.4.2 (disabled and deleted users lose their sessions).
Library             RedisLibrary
Library             SnapshotLibrary
Resource            platform.resource
Resource            auth.resource
Resource            databases.resource
Resource            oauth.resource
Resource            socket.resource
Resource            sync.resource
Resource            notifications.resource
Suite Setup         Open Private Platform    backends=2    proxies=auth->backend
Suite Teardown      Leave Platform
Test Teardown       Run Keywords    Restore After Outages    AND    Close All Connections
Test Tags           critical    p0    needs:db.auth    needs:db.main    needs:replicas.2


*** Test Cases ***
A Provider Sign-up Makes One User In Both Databases
    [Tags]    id:C07-01    req:C07.1    proto:2.6.01    needs:oauth.provider
    Create Provider Person
    Sign In Through Provider
    Auth Should Hold One User With E-mail    ${PERSON.email}
    Userbase Should Follow Auth    ${USER_ID}
    ${row} =    Get Backend User Row    ${USER_ID}
    Should Be Equal    ${{ ($row['email'], $row['name']) }}    ${{ ($PERSON.email, $PERSON.name) }}
    ${record} =    Get Auth Record    ${USER_ID}
    Every Backend Should Answer With User    ${record}
    Both User Tables Should Be Equal

A Hanging Replica Delays No Change Of A User
    [Documentation]    It takes the connection and answers nothing; auth gives it up and asks the other one.
    [Tags]    id:C07-04    req:C07.2    needs:control.pause
    Sign In New User
    Userbase Should Follow Auth    ${USER.id}
    ${replica} =    Get Replica That Auth Asks First
    Pause Service    ${replica}
    Rename Myself
    Userbase Should Follow Auth    ${USER.id}    within=15s
    [Teardown]    Run Keywords    Both Replicas Should Answer    AND    Restore After Outages

Changes Made While Backend Was Dead Arrive Later
    [Tags]    id:C07-07    req:C07.2    req:C07.3    proto:2.6.07    needs:control.kill    needs:ws
    Open Sockets Of Three Users
    Kill Service    backend-1
    Kill Service    backend-2
    Change Users And Sign Up New One
    Userbase Should Have Received Nothing
    Start Service    backend-1
    Start Service    backend-2
    All Changes Should Arrive

Undelivered Changes Survive Auth's Death And A Redis Flush
    [Tags]    id:C07-08    req:C07.2    req:C07.3    proto:2.6.07    needs:control.kill    needs:net.faults    needs:redis    needs:ws
    Open Sockets Of Three Users
    Cut Connection    auth->backend
    Change Users And Sign Up New One
    Kill Service    auth
    Clear Redis
    Userbase Should Have Received Nothing
    Start Service    auth
    Heal Connection    auth->backend
    Deleted User Should Be Offline    within=5s
    All Changes Should Arrive

Changes Made Without Redis Arrive At Once And Stay
    [Tags]    id:C07-09    req:C07.2    req:C07.3    proto:4.112    needs:control.kill    needs:redis    needs:ws
    Open Sockets Of Three Users
    Kill Service    redis
    Change Users And Sign Up New One
    Deleted User Should Be Offline    within=2s
    Every Socket Should Receive Update    ${RECORD}    renamed
    All Changes Should Arrive
    Start Service    redis
    All Changes Should Arrive

No User Is Orphaned After Changes In An Outage
    [Tags]    id:C07-10    req:C07.3    proto:2.6.01    proto:2.6.05    needs:control.kill    needs:net.faults    needs:session.admin
    ${load_users} =    Create Load Users    30
    Wait Until Outbox Is Empty
    Cut Connection    auth->backend
    Change Every User At Once    ${load_users}
    Kill Service    backend-1
    Restart Service    auth
    Heal Connection    auth->backend
    Wait Until Outbox Is Empty
    Start Service    backend-1
    Both User Tables Should Be Equal

Reordered Deliveries End In The Newest State
    [Tags]    id:C07-11    req:C07.4    proto:2.6.09    proto:3.3.01    needs:net.faults    needs:ws
    Create User With Three Undelivered Updates
    Delivery Should Be Applied    backend    ${EVENTS}[2]
    Delivery Should Be Stale    backend-2    ${EVENTS}[0]
    Delivery Should Be Stale    backend    ${EVENTS}[1]
    Delivery Should Be Stale    backend-2    ${EVENTS}[2]
    Userbase Should Follow Auth    ${USER.id}
    Heal Connection    auth->backend
    Wait Until Outbox Is Empty
    Both Databases Should Hold User    ${USER.id}
    Socket Should Have Received Only    ${EVENTS}[2]

No Event After A Deletion Brings The User Back
    [Tags]    id:C07-12    req:C07.4    proto:3.3.02    needs:net.faults
    Create User With Three Undelivered Updates
    Delete At    auth    /users/me    ${ACCESS_TOKEN}
    ${left} =    Count Events In Outbox    ${USER.id}
    Delivery Should Be Applied    backend    ${left}[-1]
    Delivery Should Be Stale    backend-2    ${EVENTS}[0]
    Delivery Should Be Stale    backend    ${EVENTS}[2]
    No Trace Should Be Left In Userbase    ${USER.id}
    Heal Connection    auth->backend
    Wait Until Outbox Is Empty
    No Trace Should Be Left In Userbase    ${USER.id}

Everything Delivered Again In Any Order Changes Nothing
    [Tags]    id:C07-13    req:C07.4    proto:2.6.09    needs:session.admin
    ${load_users} =    Create Load Users    20
    ${before} =    Count Events In Outbox
    Change Every User At Once    ${load_users}
    Both User Tables Should Be Equal
    ${delivered} =    Deliver Everything Again In Any Order    ${before}
    Should Be True    ${delivered} >= 40    only ${delivered} events were there to deliver again
    Both User Tables Should Be Equal

A Deleted Person Comes Back As A New User
    [Tags]    id:C07-14    req:C07.3    sec:S04    needs:oauth.provider
    Create Provider Person
    Sign In Through Provider
    VAR    ${deleted}    ${USER_ID}
    Delete At    auth    /users/me    ${ACCESS_TOKEN}
    Wait Until Outbox Is Empty
    No Trace Should Be Left In Auth    ${deleted}
    No Trace Should Be Left In Userbase    ${deleted}
    Sign In Through Provider
    Should Not Be Equal    ${USER_ID}    ${deleted}    the deleted user has come back

A Deletion Leaves Only Ids In Stores And Logs
    [Tags]    id:C07-15    req:C07.3    sec:S04    proto:2.6.10    proto:2.6.11    needs:oauth.provider    needs:redis
    ...       needs:control.logs    needs:ws
    Sign In User Of Every Store
    Cut Connection    auth->backend
    ${record} =    Rename Myself
    VAR    @{WORDS}    @{WORDS}    ${record}[email]    ${record}[name]    scope=TEST
    Delete At    auth    /users/me    ${ACCESS_TOKEN}
    Heal Connection    auth->backend
    Wait Until Outbox Is Empty
    Stores Should Hold Nothing Of User
    Stores Should Hold Ids Of User In Declared Places Alone


*** Keywords ***
Get Replica That Auth Asks First
    [Documentation]    The one that a change of the current user was delivered to: who answered last is asked first.
    ...    (The refused call sees to it that there is a count.)
    Post To    backend    /internal/sync    ${{ {} }}    status=401
    ${before} =    Get Service Metric    backend-1    http_requests_total{route="/internal/sync"}
    Rename Myself
    Userbase Should Follow Auth    ${USER.id}
    ${after} =    Get Service Metric    backend-1    http_requests_total{route="/internal/sync"}
    ${first} =    Set Variable If    ${after} > ${before}    backend-1    backend-2
    RETURN    ${first}

Both Replicas Should Answer
    [Documentation]    For a teardown: neither replica hangs any more.
    Run Keyword And Ignore Error    Resume Service    backend-1
    Run Keyword And Ignore Error    Resume Service    backend-2

Clear Redis
    [Documentation]    Everything that Redis knew is gone: sessions, revocations, quotas.
    Connect To Redis
    Flush Redis
    Disconnect From Redis

Create User With Three Undelivered Updates
    [Documentation]    The sync path is cut and the current user has been renamed three times: sets ``EVENTS`` to those updates.
    Sign In New User
    Userbase Should Follow Auth    ${USER.id}
    Open Chat Socket
    Cut Connection    auth->backend
    Repeat Keyword    3 times    Rename Myself
    ${all} =    Count Events In Outbox    ${USER.id}
    VAR    ${updates}    ${{ [event for event in $all if event['type'] == 'user.updated'] }}
    Length Should Be    ${updates}    3
    VAR    ${EVENTS}    ${updates}    scope=TEST

Socket Should Have Received Only
    [Documentation]    Of all deliveries the open socket was notified of this one; a genuine change after them shows that nothing was on its
    ...    way.
    [Arguments]    ${event}
    ${record} =    Rename Myself
    Wait For Json    connection=socket    type=event    payload.kind=user.updated    payload.data.version=${record}[version]
    Received Updates Should Be    socket    ${event}[data][version]    ${record}[version]

Sign In User Of Every Store
    [Documentation]    A user of the provider with a conversation, preferences, a notification and a tab's state. Sets ``WORDS``, all that
    ...    is the user's own, ``IDS``, what only names user and session, and ``TOKEN_HASH``, by which auth knows the refresh token.
    Create Provider Person
    ${note} =    Get Random UUID
    # Names are drawn from a list: another user may have the same, so this one has a name of their own.
    ${person} =    Create Provider Identity    ${PERSON.sub}    ${PERSON.email}    Name ${note}
    VAR    ${PERSON}    ${person}    scope=TEST
    ${tokens} =    Sign In Through Provider
    Leave Note In Every Store    ${note}
    VAR    @{WORDS}    ${PERSON.email}    ${PERSON.name}    ${PERSON.sub}    ${note}    scope=TEST
    VAR    @{IDS}    ${USER_ID}    ${tokens}[session_id]    scope=TEST
    VAR    ${TOKEN_HASH}    ${{ hashlib.sha256($REFRESH_TOKEN.encode()).hexdigest() }}    scope=TEST
    Every Store Should Know User

Leave Note In Every Store
    [Documentation]    The current user writes this text wherever a user may write one.
    [Arguments]    ${note}
    Put At    backend    /api/preferences    ${{ {'note': $note} }}    ${ACCESS_TOKEN}    If-Match="0"
    Start Conversation
    Open Chat Socket
    Send Chat Message    ${note}
    Ask Socket    socket    state.update    state.updated    base_version=${0}    document=${{ {'note': $note} }}
    Notify    ${note}    user=${{ types.SimpleNamespace(id=$USER_ID) }}

Every Store Should Know User
    [Documentation]    What is searched for later is there now: otherwise nothing would be proved.
    Columns Should Hold    auth    ${WORDS}    auth_users.email    auth_users.name    identities.email    identities.subject    outbox.data
    ...    provider_sessions.subject
    Columns Should Hold    auth    ${{ [$TOKEN_HASH] }}    refresh_tokens.token_hash
    Columns Should Hold    main    ${WORDS}    messages.body    notifications.data    preferences.document    session_state.document
    ...    userbase.email    userbase.name
    ${keys} =    Get Redis Keys Holding    @{IDS}
    Should Not Be Empty    ${keys}    Redis knows nothing of the session: nothing would be proved

Stores Should Hold Nothing Of User
    [Documentation]    No table, no key of Redis and no log has any of ``WORDS``, and nothing is left of the refresh token. (The subject is
    ...    the provider's own word, which is in the provider's log.)
    Columns Should Hold    auth    ${{ [*$WORDS, $TOKEN_HASH] }}
    Columns Should Hold    main    ${WORDS}
    ${keys} =    Get Redis Keys Holding    @{WORDS}    ${TOKEN_HASH}
    Should Be Empty    ${keys}    keys of Redis that hold something of the user: ${keys}
    FOR    ${word}    IN    @{{ sorted({*$WORDS} - {$PERSON.sub}) }}
        No Service Log Should Contain    ${word}
    END

Stores Should Hold Ids Of User In Declared Places Alone
    [Documentation]    Ids of the user and the session stand in the audit trail, the tombstone, the revocation and the events of both, and
    ...    in Redis as the mark of the revoked session and of the code that it was made from.
    Columns Should Hold    auth    ${IDS}    outbox.data    outbox.user_id    session_events.session_id    session_events.user_id
    Columns Should Hold    main    ${IDS}    deleted_users.id    revoked_sessions.sid    revoked_sessions.user_id
    ${keys} =    Get Redis Keys Holding    @{IDS}
    VAR    ${kinds}    ${{ [key.rpartition(':')[0] for key in $keys] }}
    Should Be Equal    ${kinds}    ${{ ['code:spent', 'session:revoked'] }}    keys of Redis that name the user or the session: ${keys}

Every Socket Should Receive Update
    [Documentation]    ``user.updated`` with this very record reaches the user's socket at each endpoint.
    [Arguments]    ${record}    ${prefix}=user    ${within}=5s
    FOR    ${endpoint}    IN    backend-1    backend-2    frontend
        ${frame} =    Wait For Json    connection=${prefix} at ${endpoint}    type=event    payload.kind=user.updated
        ...    payload.data.version=${record}[version]    within=${within}
        VAR    ${reported}    ${frame}[payload][data]
        Should Be Equal    ${{ ($reported['name'], $reported['email']) }}    ${{ ($record['name'], $record['email']) }}
        ...    the socket at ${endpoint} was notified of another user
    END

Received Updates Should Be
    [Documentation]    The versions of the user that a socket was notified of, each event counted once however often it was resent.
    [Arguments]    ${alias}    @{versions}
    ${frames} =    Get Frames    connection=${alias}    type=event    payload.kind=user.updated
    VAR    ${events}    ${{ {frame.json['payload']['event_id']: frame.json['payload']['data']['version'] for frame in $frames} }}
    Should Be Equal    ${{ list($events.values()) }}    ${versions}    ${alias} was notified of other versions

No Trace Should Be Left In Auth
    [Documentation]    The auth database holds neither the user nor their identities and sessions.
    [Arguments]    ${user_id}
    Check Row Count    SELECT 1 FROM auth_users WHERE id = '${user_id}'    ==    0
    ...    auth_users still holds the deleted user: {value}    alias=auth
    FOR    ${table}    IN    identities    sessions
        Check Row Count    SELECT 1 FROM ${table} WHERE user_id = '${user_id}'    ==    0
        ...    ${table} still holds rows of the deleted user: {value}    alias=auth
    END

Deliver Everything Again In Any Order
    [Documentation]    All that the outbox ever held, shuffled by the run's seed, at both replicas at once; returns how many events.
    ...    ``before`` is what it held before users were deleted.
    [Arguments]    ${before}
    ${now} =    Count Events In Outbox
    VAR    ${events}    ${{ list({event['id']: event for event in [*$before, *$now]}.values()) }}
    ${seed} =    Get Seed
    ${requests} =    Count Deliveries To Both Replicas    ${{ random.Random($seed).sample($events, len($events)) }}
    ${replies} =    Send At Once    ${requests}
    VAR    ${refused}    ${{ [(reply.status, reply.error or reply.text) for reply in $replies if reply.status != 200] }}
    Should Be Empty    ${refused}    deliveries were not taken: ${refused}
    VAR    ${applied}    ${{ [event for reply in $replies for event in reply.json['applied']] }}
    Should Be Empty    ${applied}    events were applied a second time: ${applied}
    RETURN    ${{ len($events) }}

Count Deliveries To Both Replicas
    [Documentation]    Requests for `Send At Once` that post these events to each replica in four batches.
    [Arguments]    ${events}
    VAR    ${size}    ${{ -(-len($events) // 4) }}
    VAR    @{requests}    @{EMPTY}
    FOR    ${from}    IN RANGE    0    ${{ len($events) }}    ${size}
        VAR    &{batch}    events=${{ $events[$from:$from + $size] }}
        VAR    &{one}    method=POST    url=${BACKEND_URL}/internal/sync    token=${SERVICE_TOKEN}    json=${batch}
        VAR    &{other}    method=POST    url=${BACKEND_2_URL}/internal/sync    token=${SERVICE_TOKEN}    json=${batch}
        Append To List    ${requests}    ${one}    ${other}
    END
    RETURN    ${requests}

Columns Should Hold
    [Documentation]    Any of these texts stands in these columns of a database, and in no other.
    [Arguments]    ${database}    ${texts}    @{columns}
    VAR    ${url}    ${{ {'auth': $AUTH_DB_URL, 'main': $MAIN_DB_URL}[$database] }}
    ${found} =    Get Columns Holding    ${url}    @{texts}
    Should Be Equal    ${found}    ${columns}    columns of the ${database} database that hold something of the user
