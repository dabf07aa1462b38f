*** Settings ***
Documentation       Two regions: each replica of backend has a Redis of its own, auth uses that of the first. A session is one and the same
...                 in both, by what PostgreSQL and auth say, before the first region is lost and after it.
...                 Sources: docs/protocol.md §3.1 (session_check), §4 (resume, 4003; nothing depends on the doorbell but speed).
Resource            platform.resource
Resource            restart.resource
Resource            synchrony.resource
Suite Setup         Use A Private Platform    backends=2    own_redis=backend-2
Suite Teardown      Leave The Platform
Test Setup          A Part Begins
Test Teardown       Run Keywords    Every Service Runs Again    AND    The Part Is Over
Test Tags           session-sync    p1    req:S09    req:S07    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Variables ***
@{OTHER_REGION}     auth    auth db    main db    backend-2


*** Test Cases ***
Each Region Soon Sees Writes Of The Other
    [Documentation]    No ring goes from one to the other.
    [Tags]    id:S09-01    proto:4.94    proto:4.95    proto:4.96
    Settle In
    Session Should Be Found By    live    backend
    Session Should Be Found By    introspected    backend-2
    Session Views Should Agree    ${USER}    within=15s
    Open A Socket    in the other region    url=${BACKEND_2_SOCKET_URL}
    Subscribe    in the other region
    Say    From region to region
    Hear    From region to region    in the other region    within=10s

A Revocation Reaches The Other Region And Outlives The First
    [Tags]    id:S09-02    proto:R3.06    needs:control.kill
    Sockets Of Two Sessions In The Other Region
    Revoke Session    ${USER}
    The Other Region Ends    ${USER}    first session
    The First Region Is Lost
    Revoke Session    ${PHONE}
    The Other Region Ends    ${PHONE}    second session

A Session Outlives The Loss Of Its Region
    [Tags]    id:S09-03    proto:R3.05    needs:control.kill
    Settle In
    The First Region Is Lost
    Open Socket Was Closed With    1006    within=10s
    Session Views Should Agree    ${USER}    within=15s    places=${OTHER_REGION}
    Session Should Be Found By    introspected    backend-2
    Come Back    in the other region    ${BACKEND_2_SOCKET_URL}
    Everything Is As It Was    in the other region
    The State Can Be Written On From Version    1    in the other region

A Migrated SSO Session Is Equal In Both Regions
    [Tags]    id:S09-04    needs:session.admin    needs:redis
    Sign In A New User
    ${sso} =    Migrate Session    ${USER}    metadata=${{ {'idp': 'corp', 'groups': ['ops', 'Åre']} }}
    Every View Shows The Session At Each Door    ${sso}
    ${record} =    Get Session Record    ${sso}
    Should Be Equal    ${{ ($record['type'], $record['metadata']['idp']) }}    ${{ ('SSO', 'corp') }}    what the session became
    Wait Until Session Is Gone Everywhere    ${USER}    within=10s

Events Of One Region Soon Reach The Other
    [Documentation]    Whenever they are made: each one right after the one before was received.
    [Tags]    id:S09-19    proto:4.95
    Sign In A New User
    Open A Socket    in the other region    url=${BACKEND_2_SOCKET_URL}
    FOR    ${number}    IN RANGE    3
        VAR    &{notice}    user_id=${USER.id}    body=event ${number}
        Post To    backend    /internal/notifications    ${notice}    ${SERVICE_TOKEN}    status=201
        Wait For Json    connection=in the other region    type=event    payload.data.body=event ${number}    within=6s
    END

Changes Of Each Kind Reach The Other Region
    [Documentation]    Nothing but PostgreSQL joins the two. Each is the only change of its user.
    [Tags]    id:S09-20    proto:4.54    proto:4.95
    [Template]    Event Should Reach The Other Region After
    preferences.updated      Write First Preferences
    conversations.updated    Start A Conversation
    user.updated             Rename Myself

A Newer Socket Replaces One In The Other Region
    [Tags]    id:S09-21    req:R05    proto:4.95    proto:4.107
    Sign In A New User
    ${client} =    Random UUID
    Open A Socket    in the other region    url=${BACKEND_2_SOCKET_URL}    client_id=${client}
    Open A Socket    newer    url=${BACKEND_SOCKET_URL}    client_id=${client}
    Open Socket Was Closed With    4009    in the other region    within=6s
    Who The Socket Says I Am    newer

A New Epoch Closes A Socket In A Quiet Region
    [Documentation]    Nothing is sent in either; the socket there has to resume.
    [Tags]    id:S09-22    proto:4.81    proto:4.95    proto:4.108
    Sign In A New User
    Start A Conversation
    Open A Socket    in the other region    url=${BACKEND_2_SOCKET_URL}
    Subscribe    in the other region
    Execute Sql String    UPDATE conversations SET epoch = 'anew' WHERE id = '${CONVERSATION}'    alias=main
    Open Socket Was Closed With    4010    in the other region    within=6s


*** Keywords ***
Event Should Reach The Other Region After
    [Documentation]    An event of this kind comes to a new user's socket at the second replica after this change.
    [Arguments]    ${kind}    ${change}
    Sign In A New User
    Open A Socket    ${kind}    url=${BACKEND_2_SOCKET_URL}
    Run Keyword    ${change}
    Wait For Json    connection=${kind}    type=event    payload.kind=${kind}    within=6s

Write First Preferences
    [Documentation]    The user's first preferences, by way of the first replica.
    Put At    backend    /api/preferences    ${{ {'theme': 'dark'} }}    ${ACCESS_TOKEN}    If-Match="0"

The First Region Is Lost
    [Documentation]    Its replica and its Redis die by SIGKILL; auth goes on with PostgreSQL alone.
    Kill Service    redis
    Kill Service    backend-1

Sockets Of Two Sessions In The Other Region
    [Documentation]    A new user with two logins, ``USER`` and ``PHONE``, and a socket of each at the second replica.
    Sign In A New User
    ${phone} =    Log In Again    ${USER}    client_id=mobile    device=phone
    VAR    ${PHONE}    ${phone}    scope=TEST
    Open A Socket    first session    url=${BACKEND_2_SOCKET_URL}
    Open A Socket    second session    token=${PHONE.access_token}    url=${BACKEND_2_SOCKET_URL}

The Other Region Ends
    [Documentation]    The second replica, which no ring reaches, looks every two seconds: within three it has closed the socket of this
    ...    session with 4003; it refuses its token.
    [Arguments]    ${session}    ${socket}
    Open Socket Was Closed With    4003    ${socket}    within=3s
    Get From    backend-2    /api/me    ${session.access_token}    status=401
