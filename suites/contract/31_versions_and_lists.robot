*** Settings ***
Documentation       Versions, keys, lists and notifications over REST, in the cases that a single good call does not meet: without a
...                 version, over one that never was, at the longest page, of another kind of event.
...                 Sources: RFC 9110 §13.1.1, RFC 6585 §3; docs/protocol.md §3.1, §3.3 and §4.
Resource            promises.resource
Resource            notifications.resource
Resource            sync.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In With Conversation
Test Teardown       Close All Connections
Test Tags           contract    p1    needs:replicas.2


*** Variables ***
${MANY_CONVERSATIONS}       SEPARATOR=${SPACE}
...                         INSERT INTO conversations (id, user_id, title, assistant)
...                         SELECT gen_random_uuid(), %s, 'number ' || n, false FROM generate_series(2, 101) n
${MANY_MESSAGES}            SEPARATOR=${SPACE}
...                         WITH grown AS (UPDATE conversations SET last_seq = 1001 WHERE id = %s RETURNING id, user_id)
...                         INSERT INTO messages SELECT id, n, 'one-' || n, user_id::text, 'user', 'number ' || n, now()
...                         FROM grown, generate_series(1, 1001) n


*** Test Cases ***
A Rename Needs A Version And Heeds It
    [Tags]    id:CT-301    req:C10.4    proto:3.1.04    proto:3.1.05    proto:3.1.23    proto:3.1.24    proto:3.1.25    proto:3.1.26
    VAR    ${url}    ${BACKEND_URL}/api/conversations/${CONVERSATION}
    VAR    &{title}    title=Another
    Request Should Be Answered    428    PATCH    ${url}    ${title}    code=precondition_required
    Request Should Be Answered    400    PATCH    ${url}    ${title}    code=invalid_request    If-Match="1
    Request Should Be Answered    412    PATCH    ${url}    ${title}    code=version_conflict    If-Match=W/"1"
    Current Value Should Be Reported    PATCH    ${title}
    Request Should Be Answered    200    PATCH    ${url}    ${title}    If-Match="7", "1"
    Request Should Be Answered    412    PATCH    ${url}    ${title}    code=version_conflict    If-Match="1"
    ${renamed} =    Request Should Be Answered    200    PATCH    ${url}    ${title}    If-Match=*
    Should Be Equal    ${renamed.headers}[ETag]    "3"    the version after two renames

A Deletion Over Another Version Reports The Current One
    [Tags]    id:CT-302    req:C10.4    proto:3.1.06    proto:3.1.23    proto:3.1.25
    VAR    ${url}    ${BACKEND_URL}/api/conversations/${CONVERSATION}
    Request Should Be Answered    412    DELETE    ${url}    code=version_conflict    If-Match=W/"1"
    Current Value Should Be Reported    DELETE
    Request Should Be Answered    204    DELETE    ${url}    If-Match=*

Preferences That Were Never Written Have Version Zero
    [Tags]    id:CT-303    req:C10.4    proto:3.1.20    proto:3.1.22
    VAR    ${url}    ${BACKEND_URL}/api/preferences
    VAR    &{dark}    theme=dark
    Preferences Should Be Refused Over    "1"    "0"    &{EMPTY}
    Request Should Be Answered    200    PUT    ${url}    ${dark}    If-Match="0"
    Preferences Should Be Refused Over    "0"    "1"    &{dark}

A Star Matches Preferences That Were Never Written
    [Tags]    id:CT-304    req:C10.4    proto:3.1.23
    VAR    &{dark}    theme=dark
    ${written} =    Request Should Be Answered    200    PUT    ${BACKEND_URL}/api/preferences    ${dark}    If-Match=*
    Should Be Equal    ${written.headers}[ETag]    "1"    the version of the first preferences

Lists Of Conversations Hold As Many As They May
    [Documentation]    A hundred, with or without a limit, and one more on the next page.
    [Tags]    id:CT-305    req:C03.2    proto:3.1.02    proto:3.1.03    needs:db.main
    Execute Sql String    ${MANY_CONVERSATIONS}    alias=main    parameters=${{ [$USER.id] }}
    FOR    ${query}    IN    ${EMPTY}    limit=100&
        ${page} =    Get From    backend    /api/conversations?${query}    ${ACCESS_TOKEN}
        Length Should Be    ${page.json()}[conversations]    100    a full page of conversations
        ${rest} =    Get From    backend    /api/conversations?${query}after=${page.json()}[next]    ${ACCESS_TOKEN}
        Should Be Equal    ${{ (len($rest.json()['conversations']), $rest.json()['next']) }}    ${{ (1, None) }}    the last page
    END

Lists Of Messages Hold As Many As They May
    [Documentation]    A thousand, with or without a limit; every page, an empty one too, names the end of the log.
    [Tags]    id:CT-324    req:C03.2    proto:3.1.13    needs:db.main
    Execute Sql String    ${MANY_MESSAGES}    alias=main    parameters=${{ [$CONVERSATION] }}
    FOR    ${query}    IN    ${EMPTY}    limit=1000&
        ${page} =    Get From    backend    /api/conversations/${CONVERSATION}/messages?${query}    ${ACCESS_TOKEN}
        VAR    ${reported}    ${{ (len($page.json()['messages']), $page.json()['last_seq']) }}
        Should Be Equal    ${reported}    ${{ (1000, 1001) }}    a full page of messages
    END
    ${end} =    Get From    backend    /api/conversations/${CONVERSATION}/messages?after=1001    ${ACCESS_TOKEN}
    Should Be Equal    ${{ ($end.json()['messages'], $end.json()['last_seq']) }}    ${{ ([], 1001) }}    the page after the last message

A Key And An Id Of Two Messages Conflict
    [Documentation]    They name two messages, whose bodies are the same.
    [Tags]    id:CT-306    req:C09.2    proto:3.1.16    proto:3.1.17
    VAR    ${url}    ${BACKEND_URL}/api/conversations/${CONVERSATION}/messages
    VAR    &{one}    body=Same    client_msg_id=one
    VAR    &{two}    body=Same    client_msg_id=two
    VAR    &{three}    body=Same    client_msg_id=three
    ${first} =    Request Should Be Answered    201    POST    ${url}    ${one}    Idempotency-Key=first
    Request Should Be Answered    201    POST    ${url}    ${two}    Idempotency-Key=second
    Request Should Be Answered    409    POST    ${url}    ${two}    code=idempotency_conflict    Idempotency-Key=first
    ${again} =    Request Should Be Answered    200    POST    ${url}    ${three}    Idempotency-Key=first
    Should Be Equal    ${again.json()}    ${first.json()}    the message of a repeated key with another id

Only Notifications Wait For New Clients
    [Documentation]    A change of preferences that nobody acknowledged is not listed, and no client that comes later is notified of it.
    [Tags]    id:CT-307    req:R03    proto:3.1.29    proto:4.84    needs:ws
    Userbase Should Hold    ${{ [$USER] }}
    Open Chat Socket    first    url=${BACKEND_SOCKET_URL}
    Set Preferences    ${{ {'theme': 'dark'} }}    "0"    backend
    Wait For Json    connection=first    type=event    payload.kind=preferences.updated    within=5s
    ${waiting} =    Get From    backend    /api/notifications    ${ACCESS_TOKEN}
    Should Be Empty    ${waiting.json()}[notifications]    what waits besides notifications
    ${event} =    Notify    least urgent    0
    Open Chat Socket    second    url=${BACKEND_SOCKET_URL}
    ${came} =    Wait For Json    connection=second    type=event    within=5s
    Should Be Equal    ${came}[payload][event_id]    ${event}    the first event of a new client

A Priority Beyond Nine Or Below Zero Is Refused
    [Tags]    id:CT-308    req:R03    proto:3.1.31
    Userbase Should Hold    ${{ [$USER] }}
    FOR    ${priority}    IN    ${-1}    ${10}
        VAR    &{note}    user_id=${USER.id}    body=beyond    priority=${priority}
        Request Should Be Answered    400    POST    ${BACKEND_URL}/internal/notifications    ${note}    ${SERVICE_TOKEN}
    END

A Late Deactivation Closes No Socket
    [Documentation]    It is older than what backend knows of the user, and reported stale; so is a repeated update.
    [Tags]    id:CT-309    req:C07.2    proto:3.3.01    needs:ws    needs:db.auth
    Userbase Should Hold    ${{ [$USER] }}
    ${record} =    Rename Myself
    Userbase Should Follow Auth    ${USER.id}
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    FOR    ${type}    ${change}    IN    user.deactivated    ${{ {'version': 1, 'status': 'deactivated'} }}    user.updated    ${{ {} }}
        ${late} =    Make Event Of User    ${type}    ${change}
        Delivery Should Be Stale    backend    ${late}
    END
    ${me} =    Get Socket User
    Should Be Equal    ${me}[name]    ${record}[name]    the name after late events

One Delivery May Change One User Twice
    [Documentation]    In the order of versions both are applied, in the other order the older one is stale.
    [Tags]    id:CT-310    req:C07.2    proto:3.3.01    needs:db.auth
    Userbase Should Hold    ${{ [$USER] }}
    ${two} =    Make Event Of User    user.updated    ${{ {'version': 12, 'name': 'Two'} }}
    ${three} =    Make Event Of User    user.updated    ${{ {'version': 13, 'name': 'Three'} }}
    ${four} =    Make Event Of User    user.updated    ${{ {'version': 14, 'name': 'Four'} }}
    ${answer} =    Deliver To    backend    ${two}    ${four}    ${three}
    Should Be Equal    ${answer}    ${{ {'applied': [$two['id'], $four['id']], 'stale': [$three['id']]} }}    what became of three events
    ${me} =    Get From    backend-2    /api/me    ${ACCESS_TOKEN}
    Should Be Equal    ${{ ($me.json()['version'], $me.json()['name']) }}    ${{ (14, 'Four') }}    version and name after one delivery


*** Keywords ***
Current Value Should Be Reported
    [Documentation]    A change of the conversation over a version that it never had is refused with the current value and its ETag.
    [Arguments]    ${method}    ${body}=${None}
    VAR    ${url}    ${BACKEND_URL}/api/conversations/${CONVERSATION}
    ${current} =    Request Should Be Answered    200    GET    ${url}
    ${refused} =    Request Should Be Answered    412    ${method}    ${url}    ${body}    code=version_conflict    If-Match="9"
    Should Be Equal    ${refused.json()}[current]    ${current.json()}    the current value that a conflict reports
    Should Be Equal    ${refused.headers.get('ETag')}    ${current.headers}[ETag]    the ETag that a conflict reports

Preferences Should Be Refused Over
    [Documentation]    A write over this version is refused with the current ETag and document.
    [Arguments]    ${if_match}    ${etag}    &{document}
    VAR    &{light}    theme=light
    ${refused} =    Request Should Be Answered    412    PUT    ${BACKEND_URL}/api/preferences    ${light}    code=version_conflict
    ...    If-Match=${if_match}
    Should Be Equal    ${{ ($refused.headers.get('ETag'), $refused.json()['current']) }}    ${{ ($etag, dict($document)) }}
    ...    ETag and document that a conflict reports

Make Event Of User
    [Documentation]    An event of this type about the current user, as auth would make it, with these members changed.
    [Arguments]    ${type}    ${change}
    ${record} =    Get Auth Record    ${USER.id}
    ${id} =    Get Random UUID
    VAR    ${data}    ${{ {**$record, **$change} }}
    RETURN    ${{ {'id': $id, 'type': $type, 'occurred_at': $record['updated_at'], 'data': $data} }}
