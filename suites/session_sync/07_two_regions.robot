*** Settings ***
Documentation       Two regions: each replica of backend has a Redis of its own, auth uses that of the first. A session is one and the same
...                 in both, by what PostgreSQL and auth say, before the first region is lost and after it.
...                 Sources: docs/protocol.md §3.1 (session_check), §4 (resume, 4003; nothing depends on the pub/sub notification but
...                 speed).
Resource            platform.resource
Resource            restart.resource
Resource            synchrony.resource
Suite Setup         Open Private Platform    backends=2    own_redis=backend-2
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       Run Keywords    Restore Services    AND    End Part
Test Tags           session-sync    p1    req:S09    req:S07    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Variables ***
@{OTHER_REGION}     auth    auth db    main db    backend-2


*** Test Cases ***
Each Region Soon Sees Writes Of The Other
    [Documentation]    No pub/sub notification goes from one to the other.
    [Tags]    id:S09-01    proto:4.94    proto:4.95    proto:4.96
    Prepare User With Data
    Session Should Be Found By    live    backend
    Session Should Be Found By    introspected    backend-2
    Session Views Should Agree    ${USER}    within=15s
    Open Chat Socket    in the other region    url=${BACKEND_2_SOCKET_URL}
    Subscribe    in the other region
    Send Chat Message    From region to region
    Receive Chat Message    From region to region    in the other region    within=10s

A Revocation Reaches The Other Region And Outlives The First
    [Tags]    id:S09-02    proto:R3.06    needs:control.kill
    Open Sockets Of Two Sessions In Other Region
    Revoke Session    ${USER}
    Other Region Should End    ${USER}    first session
    Kill First Region Of Session
    Revoke Session    ${PHONE}
    Other Region Should End    ${PHONE}    second session

A Session Outlives The Loss Of Its Region
    [Tags]    id:S09-03    proto:R3.05    needs:control.kill
    Prepare User With Data
    Kill First Region Of Session
    Open Socket Should Be Closed With    1006    within=10s
    Session Views Should Agree    ${USER}    within=15s    places=${OTHER_REGION}
    Session Should Be Found By    introspected    backend-2
    Reconnect And Resume    in the other region    ${BACKEND_2_SOCKET_URL}
    User Should See Everything Unchanged    in the other region
    State Should Be Writable From Version    1    in the other region

A Migrated SSO Session Is Equal In Both Regions
    [Tags]    id:S09-04    needs:session.admin    needs:redis
    Sign In New User
    ${sso} =    Migrate Session    ${USER}    metadata=${{ {'idp': 'corp', 'groups': ['ops', 'Åre']} }}
    Every View Should Show Session At Each Endpoint    ${sso}
    ${record} =    Get Session Record    ${sso}
    Should Be Equal    ${{ ($record['type'], $record['metadata']['idp']) }}    ${{ ('SSO', 'corp') }}    what the session became
    Wait Until Session Is Gone Everywhere    ${USER}    within=10s

Events Of One Region Soon Reach The Other
    [Documentation]    Whenever they are made: each one right after the one before was received.
    [Tags]    id:S09-19    proto:4.95
    Sign In New User
    Open Chat Socket    in the other region    url=${BACKEND_2_SOCKET_URL}
    FOR    ${number}    IN RANGE    3
        VAR    &{notice}    user_id=${USER.id}    body=event ${number}
        Post To    backend    /internal/notifications    ${notice}    ${SERVICE_TOKEN}    status=201
        Wait For Json    connection=in the other region    type=event    payload.data.body=event ${number}    within=6s
    END

Changes Of Each Kind Reach The Other Region
    [Documentation]    Nothing but PostgreSQL joins the two. Each is the only change of its user.
    [Tags]    id:S09-20    proto:4.54    proto:4.95
    [Template]    Event Should Reach Other Region After
    preferences.updated      Write First Preferences
    conversations.updated    Start Conversation
    user.updated             Rename Myself

A Newer Socket Replaces One In The Other Region
    [Tags]    id:S09-21    req:R05    proto:4.95    proto:4.107
    Sign In New User
    ${client} =    Get Random UUID
    Open Chat Socket    in the other region    url=${BACKEND_2_SOCKET_URL}    client_id=${client}
    Open Chat Socket    newer    url=${BACKEND_SOCKET_URL}    client_id=${client}
    Open Socket Should Be Closed With    4009    in the other region    within=6s
    Get Socket User    newer

A New Epoch Closes A Socket In A Quiet Region
    [Documentation]    Nothing is sent in either; the socket there has to resume.
    [Tags]    id:S09-22    proto:4.81    proto:4.95    proto:4.108
    Sign In New User
    Start Conversation
    Open Chat Socket    in the other region    url=${BACKEND_2_SOCKET_URL}
    Subscribe    in the other region
    Execute Sql String    UPDATE conversations SET epoch = 'new' WHERE id = '${CONVERSATION}'    alias=main
    Open Socket Should Be Closed With    4010    in the other region    within=6s


*** Keywords ***
Event Should Reach Other Region After
    [Documentation]    An event of this kind comes to a new user's socket at the second replica after this change.
    [Arguments]    ${kind}    ${change}
    Sign In New User
    Open Chat Socket    ${kind}    url=${BACKEND_2_SOCKET_URL}
    Run Keyword    ${change}
    Wait For Json    connection=${kind}    type=event    payload.kind=${kind}    within=6s

Write First Preferences
    [Documentation]    The user's first preferences, by way of the first replica.
    Put At    backend    /api/preferences    ${{ {'theme': 'dark'} }}    ${ACCESS_TOKEN}    If-Match="0"

Kill First Region Of Session
    [Documentation]    Its replica and its Redis die by SIGKILL; auth goes on with PostgreSQL alone.
    Kill Service    redis
    Kill Service    backend-1

Open Sockets Of Two Sessions In Other Region
    [Documentation]    A new user with two logins, ``USER`` and ``PHONE``, and a socket of each at the second replica.
    Sign In New User
    ${phone} =    Log In Again    ${USER}    client_id=mobile    device=phone
    VAR    ${PHONE}    ${phone}    scope=TEST
    Open Chat Socket    first session    url=${BACKEND_2_SOCKET_URL}
    Open Chat Socket    second session    token=${PHONE.access_token}    url=${BACKEND_2_SOCKET_URL}

Other Region Should End
    [Documentation]    The second replica, which no pub/sub notification reaches, looks every two seconds: within three it has closed the
    ...    socket of this session with 4003; it refuses its token.
    [Arguments]    ${session}    ${socket}
    Open Socket Should Be Closed With    4003    ${socket}    within=3s
    Get From    backend-2    /api/me    ${session.access_token}    status=401

Every View Should Show Session At Each Endpoint
    [Documentation]    Auth, Redis, both databases, each replica, and a socket at each endpoint say that the session is live, and all say
    ...    the same of it.
    [Arguments]    ${session}    ${within}=15s
    VAR    &{endpoints}    backend-1=${BACKEND_SOCKET_URL}    backend-2=${BACKEND_2_SOCKET_URL}    frontend=${SOCKET_URL}
    FOR    ${endpoint}    ${url}    IN    &{endpoints}
        ${welcome} =    Open Chat Socket    alias=view at ${endpoint}    token=${session.access_token}    url=${url}
        Should Be Equal    ${welcome}[session_id]    ${session.session_id}    the socket at ${endpoint} is of another session
        Session Views Should Agree    ${session}    within=${within}    socket=view at ${endpoint}
        Session Should Be Live Everywhere    ${session}    socket=view at ${endpoint}
        Close Connection    view at ${endpoint}
    END
