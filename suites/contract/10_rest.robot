*** Settings ***
Documentation       What backend's REST endpoints promise beyond a single call: keys that may be repeated, lists that are read in pages, and
...                 deletions, notifications, roles and plans that are the same everywhere; and what frontend keeps to itself.
...                 Sources: RFC 9110 §9.2.2, draft-ietf-httpapi-idempotency-key-header-07, RFC 9457, RFC 3986 §6;
...                 docs/protocol.md §1, §3.1, §3.3, §4 and §5.
Library             BudgetLibrary
Resource            rest.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Teardown       Close All Connections
Test Tags           contract    p1    needs:replicas.2


*** Test Cases ***
An Idempotency Key Makes One Thing For One Body
    [Tags]    id:CT-28    req:C09.2    req:R07    proto:3.1.11    proto:3.1.12    proto:3.1.16    proto:R1.12
    Create User With Empty Conversation
    Key Should Make One    /api/conversations    conversations    title
    Key Should Make One    /api/conversations/${CONVERSATION}/messages    messages    body
    Keys Of Two Users Should Be Separate

Paged Lists Hold Everything In Order At Any Endpoint
    [Tags]    id:CT-29    req:C03.2    req:C10.2    proto:3.1.02    proto:3.1.03    proto:3.1.13
    Sign In New User
    ${made} =    Create Conversations    ${USER}    7    messages=0
    Pages Should Hold    3    ${{ [one.id for one in $made] }}
    Pages Should Hold    7    ${{ [one.id for one in $made] }}
    VAR    ${CONVERSATION}    ${made[0].id}    scope=TEST
    Add Messages    ${USER}    ${CONVERSATION}    5
    Messages Should Be Read In Steps Of    2    5
    Page Should Be Refused    /api/conversations?limit=0    /api/conversations?limit=101    /api/conversations?after=me
    ...    /api/conversations/${CONVERSATION}/messages?limit=1001    /api/conversations/${CONVERSATION}/messages?after=-1

A Deleted Conversation Is Gone Everywhere
    [Tags]    id:CT-30    req:C10.2    req:C10.3    proto:4.63    needs:ws    needs:db.main
    Sign In Two Devices Of User
    Send Chat Message    Soon forgotten    browser
    Receive Chat Message    Soon forgotten    phone
    Delete At    frontend    /api/conversations/${CONVERSATION}    ${ACCESS_TOKEN}
    Every Device Should Receive Deletion    ${CONVERSATION}
    Conversation Should Be Gone    ${CONVERSATION}
    Delete At    backend-2    /api/conversations/${CONVERSATION}    ${ACCESS_TOKEN}    status=404

Pending Notifications Are Listed By Urgency
    [Tags]    id:CT-31    req:R03    proto:3.1.29    proto:3.1.31    proto:3.1.32    proto:3.1.34    needs:ws
    Create User Known To Backend
    Notify    first
    Notify    second    0
    ${urgent} =    Notify    third    9
    Notify    fourth    5
    Every Endpoint Should List As Pending    9 third    5 first    5 fourth    0 second
    Open Chat Socket
    Acknowledge    ${urgent}
    Wait Until Keyword Passes    5s    Every Endpoint Should List As Pending    5 first    5 fourth    0 second
    Notifications Of Others Should Be Hidden

Roles And Plan Follow Auth
    [Tags]    id:CT-32    req:C07.1    req:C07.2    needs:ws    needs:db.auth    needs:db.main    needs:session.admin
    Sign In New User
    Open Chat Socket
    Change Setting    bulk    user    operator
    Change Setting    standard    user

A Problem Names What Is Wrong With A Request
    [Tags]    id:CT-33    req:C01.3    proto:1.06    proto:1.27
    [Setup]    Sign In New User
    [Template]    Problems Should Name Mistakes At
    auth         /users/me
    backend      /api/preferences
    frontend     /api/conversations
    frontend     /users/me

Values That No Table Holds Are Refused Everywhere
    [Tags]    id:CT-34    req:X03    proto:1.05
    [Setup]    Create User With Empty Conversation
    [Template]    Unstorable Values Should Be Refused
    POST    /api/conversations    ${{ {'title': 'a' + chr(0)} }}
    POST    /api/conversations    ${{ {'title': chr(0xd800)} }}
    POST    /api/conversations/${CONVERSATION}/messages    ${{ {'body': 'a' + chr(0)} }}
    POST    /api/conversations/${CONVERSATION}/messages    ${{ {'body': 'a', 'client_msg_id': chr(0)} }}
    PATCH    /api/conversations/${CONVERSATION}    ${{ {'title': chr(0)} }}    If-Match="1"
    PUT    /api/preferences    ${{ {'theme': ['dark', 'a' + chr(0)]} }}    If-Match="0"
    PUT    /api/preferences    ${{ {'a' + chr(0): 'dark'} }}    If-Match="0"

Frontend Forwards Only Users' Paths With One Meaning
    [Tags]    id:CT-35    req:X03    proto:1.40    proto:5.55
    Frontend Should Answer    404    not_found    /admin/outbox    /admin/sessions/analytics    /internal/sync    /openapi.json
    ...    /control/requests    /apiadmin/outbox
    Frontend Should Answer    400    invalid_request    /auth/../admin/outbox    /auth/%2e%2e/admin/outbox    /auth/..%2fadmin/outbox
    ...    /auth//admin/outbox    /auth/%252e%252e/admin/outbox    /users/..%5cadmin/outbox    /api/./me    /api/%2fme
    ...    /api/me%2f    /api/conversations%2F00000000-0000-4000-8000-000000000000    /auth/sessions%2fall    /users/me%2fpassword

A Deleted User Leaves Nothing Behind
    [Tags]    id:CT-36    req:C07.3    needs:ws    needs:db.main    needs:assistant
    Create User With Data Everywhere
    Delete At    auth    /users/me    ${ACCESS_TOKEN}
    Nothing Should Be Left Of User


*** Keywords ***
Notifications Of Others Should Be Hidden
    [Documentation]    Whom backend does not know it does not notify, and a user without notifications has an empty list.
    ${other_user} =    Create User
    Every Endpoint Should List As Pending    token=${other_user.access_token}
    ${nobody} =    Get Random UUID
    ${response} =    Post To    backend    /internal/notifications    ${{ {'user_id': $nobody, 'body': 'Who?'} }}    ${SERVICE_TOKEN}
    ...    status=404
    Answer Should Be Problem    ${response}    not_found

Keys Of Two Users Should Be Separate
    [Documentation]    Two users who choose one key get a conversation each.
    ${key} =    Get Random UUID
    VAR    &{wanted}    title=The same
    ${other} =    Create User
    ${one} =    Post To    backend    /api/conversations    ${wanted}    ${ACCESS_TOKEN}    status=201    Idempotency-Key=${key}
    ${two} =    Post To    backend    /api/conversations    ${wanted}    ${other.access_token}    status=201    Idempotency-Key=${key}
    Should Not Be Equal    ${one.json()}[id]    ${two.json()}[id]    two users share a conversation by a key

Messages Should Be Read In Steps Of
    [Documentation]    So many messages at a time, each time at another endpoint, are those that follow; each answer names the head.
    [Arguments]    ${limit: int}    ${count: int}
    FOR    ${number}    ${after}    IN ENUMERATE    @{{ range(0, $count + 1, $limit) }}
        VAR    ${path}    /api/conversations/${CONVERSATION}/messages?after=${after}&limit=${limit}
        ${response} =    Get From    ${BACKEND_ENDPOINTS}[${{ $number % 3 }}]    ${path}    ${ACCESS_TOKEN}
        VAR    ${seqs}    ${{ [one['seq'] for one in $response.json()['messages']] }}
        VAR    ${expected}    ${{ [*range($after + 1, min($after + $limit, $count) + 1)] }}
        Should Be Equal    ${seqs}    ${expected}    messages after ${after}, ${limit} at a time
        Should Be Equal    ${response.json()}[last_seq]    ${count}    the head that messages after ${after} name
    END

Page Should Be Refused
    [Documentation]    This query of a list is invalid.
    [Arguments]    @{paths}
    FOR    ${path}    IN    @{paths}
        ${response} =    Get From    backend    ${path}    ${ACCESS_TOKEN}    status=anything
        Should Be Equal As Integers    ${response.status_code}    400    ${path}
        Answer Should Be Problem    ${response}    invalid_request
    END

Every Device Should Receive Deletion
    [Documentation]    ``conversations.updated`` says to both devices that the conversation was deleted.
    [Arguments]    ${conversation}
    FOR    ${device}    IN    browser    phone
        ${data} =    Every Tab Should Receive    conversations.updated    change    deleted    ${device}
        Should Be Equal    ${data}[conversation][id]    ${conversation}    ${device} receives that another conversation was deleted
    END

Conversation Should Be Gone
    [Documentation]    No endpoint shows it, or anything of it; no table holds a row of it; on a socket it is unknown.
    [Arguments]    ${conversation}
    FOR    ${endpoint}    IN    @{BACKEND_ENDPOINTS}
        ${list} =    Get From    ${endpoint}    /api/conversations    ${ACCESS_TOKEN}
        Should Not Contain    ${{ [one['id'] for one in $list.json()['conversations']] }}    ${conversation}
        ...    ${endpoint} still lists the deleted conversation
        FOR    ${path}    IN    /api/conversations/${conversation}    /api/conversations/${conversation}/messages
            ${response} =    Get From    ${endpoint}    ${path}    ${ACCESS_TOKEN}    status=anything
            Should Be Equal As Integers    ${response.status_code}    404    ${endpoint} still shows ${path}
        END
    END
    Should Be Stored    main    titles of the deleted conversation    SELECT title FROM conversations WHERE id = %s    ${conversation}
    Should Be Stored    main    messages of the deleted conversation
    ...    SELECT body FROM messages WHERE conversation_id = %s    ${conversation}
    Socket Should Answer With Error    phone    message.send    not_found    conversation_id=${conversation}    client_msg_id=late
    ...    body=Is anybody there?

Problems Should Name Mistakes At
    [Documentation]    A body that is no JSON, or is larger than any may be, a method that the path does not know, and a path that is not
    ...    there each get their status and code at this service.
    [Arguments]    ${service}    ${path}
    Problem Should Name Mistake    ${service}    POST    ${path}/nowhere/at/all    {}    404    not_found
    Problem Should Name Mistake    ${service}    TRACE    ${path}    ${EMPTY}    405    method_not_allowed
    VAR    ${method}    ${{ {'/api/preferences': 'PUT', '/api/conversations': 'POST'}.get($path, 'PATCH') }}
    Problem Should Name Mistake    ${service}    ${method}    ${path}    {"name":    400    invalid_request
    Problem Should Name Mistake    ${service}    ${method}    ${path}    []    400    invalid_request
    Problem Should Name Mistake    ${service}    ${method}    ${path}    ${{ '"' + 'x' * 1_200_000 + '"' }}    413    payload_too_large

Unstorable Values Should Be Refused
    [Documentation]    A request with this text in this field is answered 400 ``invalid_request`` by every backend endpoint.
    [Arguments]    ${method}    ${path}    ${body}    &{headers}
    VAR    &{request}    method=${method}    json=${body}    headers=${headers}    token=${ACCESS_TOKEN}
    ${requests} =    Make Request To Every Endpoint    ${path}    ${request}
    ${replies} =    Send At Once    ${requests}    ca_file=${CA_FILE}
    VAR    ${answers}    ${{ [(reply.status, reply.code or reply.error) for reply in $replies] }}
    Should Be Equal    ${answers}    ${{ [(400, 'invalid_request')] * 3 }}    ${method} ${path} with what no table holds

Create User With Data Everywhere
    [Documentation]    A user with a state, a message, an answer of the assistant, preferences and a notification that they acknowledged.
    Sign In New User
    Start Conversation    assistant=${True}
    Open Chat Socket
    Send Chat Message    Remember me
    Receive Chat Message    You said: Remember me    within=10s
    Ask Socket    socket    state.update    state.updated    base_version=${0}    document=${{ {'draft': 'mine'} }}
    Put At    backend    /api/preferences    ${{ {'theme': 'dark'} }}    ${ACCESS_TOKEN}    If-Match="0"
    Acknowledge Notification Over REST

Acknowledge Notification Over REST
    [Documentation]    The user is notified, their socket acknowledges it, and that is written down. Sets ``EVENT``, its id.
    ${event} =    Notify    Look here
    Wait For Json    type=event    payload.event_id=${event}    within=10s
    Acknowledge    ${event}
    Wait Until Keyword Passes    5s    Check Row Count
    ...    SELECT 1 FROM notification_acks WHERE event_id = '${event}'    ==    1    alias=main
    ...    assertion_message=the acknowledgement was not written down
    VAR    ${EVENT}    ${event}    scope=TEST

Nothing Should Be Left Of User
    [Documentation]    No table of the main database holds a row of the deleted user, of their conversation or of their notification.
    Wait Until Keyword Passes    10s    Check Row Count    SELECT 1 FROM deleted_users WHERE id = '${USER.id}'    ==    1    alias=main
    ...    assertion_message=the deletion has not reached backend
    No Trace Should Be Left In Userbase    ${USER.id}
    VAR    &{values}    messages=conversation_id = '${CONVERSATION}'    answers=conversation_id = '${CONVERSATION}'
    ...    session_state=user_id = '${USER.id}'    notification_acks=event_id = '${EVENT}'
    FOR    ${table}    ${where}    IN    &{values}
        Check Row Count    SELECT 1 FROM ${table} WHERE ${where}    ==    0    alias=main
        ...    assertion_message=${table} still holds {value} rows of a deleted user
    END
