*** Settings ***
Documentation       Many users on many sockets write at once, over each other too: of conflicting writes one wins and each loser is
...                 reported, and when all is quiet every view shows the same final state: stores, replicas and sockets.
...                 Sources: RFC 9110 §13.1.1 (If-Match), docs/protocol.md §2.6 (versions), §3.1 and §4 (state).
Library             Collections
Library             BudgetLibrary
Library             DataFactory
Library             DatabaseLibrary
Library             ProbeLibrary
Library             WebSocketLibrary
Resource            platform.resource
Resource            databases.resource
Resource            devices.resource
Resource            http.resource
Resource            socket.resource
Resource            synchrony.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       End Part
Test Tags           session-sync    p0    req:S03    req:S07    needs:ws    needs:session.admin    needs:replicas.2    needs:db.main


*** Test Cases ***
A Hundred Sessions Write And Find Their Own States
    [Tags]    id:S08-02    req:S08    part:own-state
    Open Sockets Of Load Users    100
    Concurrent Sessions Should Be At Least    100
    Write State Of Every User    5
    Every User Should Find Own State    5
    Main Database Should Hold Every State    5

One Of Conflicting Writes Wins In Every View
    [Documentation]    Ten users, five writers each over one version, at both replicas and frontend, all at one instant; twice.
    [Tags]    id:S03-01    proto:4.62    part:conflicts
    Open Sockets Of Load Users    10
    Make Five Writers Of Each User Collide    0
    Every View Should Show Winners    1
    Make Five Writers Of Each User Collide    1
    Every View Should Show Winners    2

Parallel Renames End As One Name Everywhere
    [Documentation]    Auth's writes: each of ten users is renamed four times in one moment, and each of those delivered to any replica.
    [Tags]    id:S03-02    part:final-state    needs:db.auth
    Open Sockets Of Load Users    10
    Rename Every User At Once    4
    Every View Should End With Same Name


*** Keywords ***
Concurrent Sessions Should Be At Least
    [Documentation]    So many different sessions have a socket that answers now, each the one of its user; the number goes to the result
    ...    summary.
    [Arguments]    ${least: int}
    VAR    &{question}    type=whoami    id=who-{alias}    payload=${{ {} }}
    Send On All    ${question}    ${SOCKETS}
    ${answers} =    Collect On All    connections=${SOCKETS}    where=type=me    within=10s
    VAR    ${sessions}    ${{ [some[0].json['payload']['session_id'] for some in $answers.values()] }}
    Should Be Equal    ${sessions}    ${{ [user.session_id for user in $LOAD_USERS] }}    sockets are of other sessions
    Record Figure    concurrent sessions    ${{ len(set($sessions)) }}
    Should Be True    len(set($sessions)) >= $least    only ${{ len(set($sessions)) }} sessions are on line at once

Write State Of Every User
    [Documentation]    Each socket replaces its state so many times over the version before, without waiting for anybody.
    [Arguments]    ${times: int}
    VAR    &{document}    thread={alias}    step={n}
    VAR    &{payload}    base_version={n}    document=${document}
    VAR    &{update}    type=state.update    id=u-{n}    payload=${payload}
    Send On All    ${update}    ${SOCKETS}    times=${times}
    ${answers} =    Collect On All    ${times}    ${SOCKETS}    where=type in ('state.updated', 'state.conflict')    within=20s
    VAR    ${wrong}    ${{ [(alias, f.json) for alias, some in $answers.items() for f in some if f.json['type'] != 'state.updated'] }}
    Should Be Empty    ${wrong}    ${{ len($wrong) }} writes of a state that no other user wrote were refused: ${wrong}[:2]

Every User Should Find Own State
    [Documentation]    The socket's answer is the last document that this very socket wrote.
    [Arguments]    ${version: int}
    VAR    &{question}    type=state.get    id=own    payload=${{ {} }}
    Send On All    ${question}    ${SOCKETS}
    ${answers} =    Collect On All    connections=${SOCKETS}    where=type=state    within=10s
    FOR    ${alias}    ${frames}    IN    &{answers}
        VAR    ${state}    ${frames[0].json}[payload]
        VAR    &{document}    thread=${alias}    step=${version - 1}
        Should Be Equal    ${{ ($state['version'], $state['document']) }}    ${{ ($version, $document) }}
        ...    ${alias} finds another state than its own
    END

Main Database Should Hold Every State
    [Documentation]    One row a client, of its own user, with the last document.
    [Arguments]    ${version: int}
    ${rows} =    Query    SELECT client_id::text, user_id::text, version, document::jsonb FROM session_state WHERE user_id = ANY(%s::uuid[])
    ...    alias=main    parameters=${{ [[user.id for user in $LOAD_USERS]] }}
    VAR    ${wanted}    ${{ {welcome['client_id']: (welcome['user_id'], alias) for alias, welcome in $WELCOMES.items()} }}
    Should Be Equal    ${{ {row[0]: (row[1], row[3]['thread']) for row in $rows} }}    ${wanted}    the main database holds other states
    Should Be Equal    ${{ {row[2] for row in $rows} }}    ${{ {$version} }}    the main database holds other versions

Rename Every User At Once
    [Documentation]    All changes of all users' names are sent to auth at one instant; each is taken.
    [Arguments]    ${times: int}
    VAR    @{requests}    @{EMPTY}
    FOR    ${number}    IN RANGE    ${{ $times * len($LOAD_USERS) }}
        VAR    ${user}    ${LOAD_USERS}[${{ $number % len($LOAD_USERS) }}]
        VAR    &{change}    name=name ${number} of ${user.id}
        VAR    &{request}    method=PATCH    url=${AUTH_URL}/users/me    token=${user.access_token}    json=${change}
        Append To List    ${requests}    ${request}
    END
    ${replies} =    Send At Once    ${requests}
    Should Be Equal    ${{ {reply.status for reply in $replies} }}    ${{ {200} }}    not every change was taken
    VAR    ${in_order}    ${{ sorted((reply.json for reply in $replies), key=operator.itemgetter('version')) }}
    VAR    ${LAST_NAMES}    ${{ {user['id']: (user['version'], user['name']) for user in $in_order} }}    scope=TEST

Every View Should End With Same Name
    [Documentation]    What auth answered to the last of the changes is eventually reported to the user's socket; then it is in both
    ...    databases and is shown at each endpoint.
    FOR    ${socket}    ${user}    IN ZIP    ${SOCKETS}    ${LOAD_USERS}    mode=STRICT
        Socket Should Receive Last Name    ${socket}    ${user}
    END
    Table Should Hold Last Names    auth_users    auth
    Table Should Hold Last Names    userbase    main
    FOR    ${url}    IN    ${BACKEND_URL}    ${BACKEND_2_URL}    ${PUBLIC_URL}
        ${replies} =    Ask For Every User    ${url}/api/me
        Should Be Equal    ${{ {r.json['id']: (r.json['version'], r.json['name']) for r in $replies} }}    ${LAST_NAMES}
        ...    ${url} shows other users
    END

Socket Should Receive Last Name
    [Documentation]    The event of the last version has the last name.
    [Arguments]    ${socket}    ${user}
    ${version}    ${name} =    Get From Dictionary    ${LAST_NAMES}    ${user.id}
    ${reported} =    Wait For Json    connection=${socket}    type=event    payload.kind=user.updated    payload.data.version=${version}
    ...    within=10s
    Should Be Equal    ${reported}[payload][data][name]    ${name}    ${socket} was notified of another name

Open Sockets Of Load Users
    [Documentation]    So many users with a session and a socket each, a third of them at each endpoint: sets ``LOAD_USERS``, ``SOCKETS``
    ...    (in its order) and ``WELCOMES`` (by alias).
    [Arguments]    ${count: int}
    ${people} =    Create Load Users    ${count}
    Userbase Should Hold    ${people}
    VAR    @{LOAD_USERS}    @{EMPTY}    scope=TEST
    VAR    @{SOCKETS}    @{EMPTY}    scope=TEST
    Load Users Should Be Answered At    ${BACKEND_SOCKET_URL}    @{people}[0::3]
    Load Users Should Be Answered At    ${BACKEND_2_SOCKET_URL}    @{people}[1::3]
    Load Users Should Be Answered At    ${SOCKET_URL}    @{people}[2::3]
    ${frames} =    Collect On All    connections=${SOCKETS}    where=type=welcome    within=10s
    VAR    ${WELCOMES}    ${{ {alias: some[0].json['payload'] for alias, some in $frames.items()} }}    scope=TEST

Load Users Should Be Answered At
    [Documentation]    A socket at this address for each of these users, who join ``LOAD_USERS``.
    [Arguments]    ${endpoint}    @{users}
    VAR    @{tokens}    @{{ [user.access_token for user in $users] }}
    ${aliases} =    Open Connections    ${endpoint}    tokens=${tokens}    alias=load users ${{ len($SOCKETS) }}
    ...    subprotocols=${SUBPROTOCOLS}    ca_file=${CA_FILE}
    Append To List    ${LOAD_USERS}    @{users}
    Append To List    ${SOCKETS}    @{aliases}

Make Five Writers Of Each User Collide
    [Documentation]    All write at one instant over this version: one of each user's five wins, four are notified of it. Sets ``WINNERS``,
    ...    the documents in the order of ``LOAD_USERS``.
    [Arguments]    ${version: int}
    VAR    @{requests}    @{EMPTY}
    FOR    ${user}    IN    @{LOAD_USERS}
        ${writes} =    Make Five Writes Over Version    ${version}    ${user}
        Append To List    ${requests}    @{writes}
    END
    ${replies} =    Send At Once    ${requests}    ca_file=${CA_FILE}
    VAR    @{winners}    @{EMPTY}
    FOR    ${from}    IN RANGE    0    ${{ len($replies) }}    5
        ${winner} =    One Writer Should Win    ${{ $replies[$from:$from + 5] }}
        VAR    @{winners}    @{winners}    ${winner}
    END
    VAR    @{WINNERS}    @{winners}    scope=TEST

Make Five Writes Over Version
    [Documentation]    Requests for `Send At Once`: five different preferences of a user, at each replica and frontend.
    [Arguments]    ${version}    ${user}
    VAR    &{headers}    If-Match="${version}"
    VAR    @{writes}    @{EMPTY}
    FOR    ${writer}    ${url}    IN ENUMERATE    ${BACKEND_URL}    ${BACKEND_2_URL}    ${PUBLIC_URL}    ${BACKEND_URL}    ${BACKEND_2_URL}
        VAR    &{document}    writer=${writer}    of=${user.id}    over=${version}
        VAR    &{write}    method=PUT    url=${url}/api/preferences    token=${user.access_token}    json=${document}
        ...    headers=${headers}
        Append To List    ${writes}    ${write}
    END
    RETURN    ${writes}

One Writer Should Win
    [Documentation]    One reply is 200; each other one is the 412 that names the winner's document and ETag. Returns the document.
    [Arguments]    ${replies}
    VAR    ${won}    ${{ [reply for reply in $replies if reply.status == 200] }}
    Length Should Be    ${won}    1
    ...    ${{ len($won) }} of 5 writers over one version won, not one: ${{ [reply.status for reply in $replies] }}
    VAR    ${winner}    ${won}[0]
    Conflicts Should Report Winner    ${{ [reply for reply in $replies if reply.status != 200] }}    ${winner.json}
    ...    ${winner.headers}[etag]
    RETURN    ${winner.json}

Every View Should Show Winners
    [Documentation]    The main database, each endpoint and each user's socket have the winner's document under this version, for every
    ...    user.
    [Arguments]    ${version: int}
    ${rows} =    Query    SELECT user_id::text, version, document FROM preferences WHERE user_id = ANY(%s::uuid[])    alias=main
    ...    parameters=${{ [[user.id for user in $LOAD_USERS]] }}
    VAR    ${wanted}    ${{ {won['of']: won for won in $WINNERS} }}
    Should Be Equal    ${{ {row[0]: row[2] for row in $rows} }}    ${wanted}    the main database holds other preferences
    Should Be Equal    ${{ {row[1] for row in $rows} }}    ${{ {$version} }}    the main database holds other versions of them
    FOR    ${url}    IN    ${BACKEND_URL}    ${BACKEND_2_URL}    ${PUBLIC_URL}
        ${replies} =    Ask For Every User    ${url}/api/preferences
        Should Be Equal    ${{ [reply.json for reply in $replies] }}    ${WINNERS}    ${url} shows other preferences
        Should Be Equal    ${{ {reply.headers.get('etag') for reply in $replies} }}    ${{ {'"' + str($version) + '"'} }}
        ...    ${url} shows other versions of them
    END
    VAR    ${expected}    type == 'event' and payload.kind == 'preferences.updated' and payload.data.version == ${version}
    ${reported} =    Collect On All    connections=${SOCKETS}    where=${expected}    within=10s
    Should Be Equal    ${{ [some[0].json['payload']['data']['preferences'] for some in $reported.values()] }}    ${WINNERS}
    ...    sockets were notified of other preferences

Table Should Hold Last Names
    [Documentation]    Each user's row has the version and the name of the last change.
    [Arguments]    ${table}    ${database}
    VAR    ${ids}    ${{ [user.id for user in $LOAD_USERS] }}
    ${rows} =    Query    SELECT id::text, version, name FROM ${table} WHERE id = ANY(%s::uuid[])    alias=${database}
    ...    parameters=${{ [$ids] }}
    Should Be Equal    ${{ {row[0]: (row[1], row[2]) for row in $rows} }}    ${LAST_NAMES}    ${table} holds another than the last change

Ask For Every User
    [Documentation]    Each user gets this address at one instant; the replies are in the order of ``LOAD_USERS``.
    [Arguments]    ${url}
    VAR    @{requests}    @{EMPTY}
    FOR    ${user}    IN    @{LOAD_USERS}
        VAR    &{request}    url=${url}    token=${user.access_token}
        Append To List    ${requests}    ${request}
    END
    ${replies} =    Send At Once    ${requests}    ca_file=${CA_FILE}
    RETURN    ${replies}
