*** Settings ***
Documentation       A user has one id and the same data in auth and in backend, whatever happens between them; who is gone is gone for all.
...                 The promise is at-least-once delivery, applied once, in the order of versions. Sources: docs/protocol.md §2.6 and §3.3
...                 (outbox, versions, tombstones), OWASP ASVS 5.0 7.4.2 (disabled and deleted users lose their sessions).
Resource            platform.resource
Resource            auth.resource
Resource            databases.resource
Resource            oauth.resource
Resource            socket.resource
Resource            sync.resource
Resource            deletion.resource
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
    ${crowd} =    Create Load Users    30
    Wait Until Outbox Is Empty
    Cut Connection    auth->backend
    Change Every User At Once    ${crowd}
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
    ${crowd} =    Create Load Users    20
    ${before} =    Count Events In Outbox
    Change Every User At Once    ${crowd}
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
    [Documentation]    Of all deliveries the open socket heard of this one; a genuine change after them shows that nothing was on its way.
    [Arguments]    ${event}
    ${record} =    Rename Myself
    Wait For Json    connection=socket    type=event    payload.kind=user.updated    payload.data.version=${record}[version]
    Received Updates Should Be    socket    ${event}[data][version]    ${record}[version]
