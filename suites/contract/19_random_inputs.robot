*** Settings ***
Documentation       Random requests and random frames are answered as the descriptions say; they leave nothing that cannot be read, end
...                 no socket by an internal error, and slow no other user.
...                 `--variable INPUTS:2000` looks further; what was found once is kept in ``inputs`` and sent in each run.
...                 Sources: OpenAPI 3.1, RFC 8259, RFC 6455 §7.4; docs/protocol.md §1, §4.
Library             FuzzLibrary
Resource            load.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Prepare Random Inputs
Test Teardown       Close Load Sockets
Test Tags           contract    p1    req:X02    req:X03    needs:session.admin    needs:ws


*** Variables ***
${INPUTS}           12
# Each would end the session whose token the requests carry, or what every other suite stands on.
@{SIGN_OUTS}        POST /auth/logout    POST /auth/logout/provider    POST /auth/sessions/revoke-others    POST /users/me/deactivate
...                 DELETE /users/me
@{FOR_ALL}          POST /admin/keys/rotate    POST /admin/sessions/cleanup    POST /admin/users/batch
@{ERRORS}           invalid_frame    unknown_type    not_found    client_msg_id_conflict    rate_limited    unavailable    token_invalid


*** Test Cases ***
Backend Answers Random Requests As Described
    [Tags]    id:CT-101    proto:1.05    proto:1.38
    Fuzz Requests    ${BACKEND_URL}/openapi.json    ${BACKEND_URL}    ${USER.access_token}    only=/api/    &{FUZZING}
    Fuzz Requests    ${BACKEND_URL}/openapi.json    ${BACKEND_URL}    ${SERVICE_TOKEN}    only=/internal/    &{FUZZING}
    Other User Should Not Be Slowed

Auth Answers Random Requests As Described
    [Tags]    id:CT-102    proto:1.05    proto:1.38
    VAR    @{left_out}    @{SIGN_OUTS}    @{FOR_ALL}
    Fuzz Requests    ${AUTH_URL}/openapi.json    ${AUTH_URL}    ${USER.access_token}    only=/auth/    leave_out=${left_out}    &{FUZZING}
    Fuzz Requests    ${AUTH_URL}/openapi.json    ${AUTH_URL}    ${USER.access_token}    only=/users/    leave_out=${left_out}    &{FUZZING}
    Fuzz Requests    ${AUTH_URL}/openapi.json    ${AUTH_URL}    ${SERVICE_TOKEN}    only=/admin/    leave_out=${left_out}    &{FUZZING}
    Other User Should Not Be Slowed

Random Frames Leave A Socket Usable
    [Tags]    id:CT-103    sec:W07    proto:1.15
    ${examples} =    Make Client Frames
    Fuzz Frames    ${BACKEND_SOCKET_URL}    ${examples}    count=${{ int($INPUTS) * 25 }}    errors=${ERRORS}
    ...    token=${USER.access_token}    subprotocols=${SUBPROTOCOLS}
    Other User Should Not Be Slowed

Inputs That Broke A Service Before Are Answered
    [Tags]    id:CT-104    proto:1.12    proto:1.15
    Send Kept Inputs    ${CURDIR}/inputs    ${BACKEND_URL}    ${BACKEND_SOCKET_URL}    ${USER.access_token}    errors=${ERRORS}
    ...    known=${FUZZING}[known]    read_back=${FUZZING}[read_back]    subprotocols=${SUBPROTOCOLS}
    Other User Should Not Be Slowed


*** Keywords ***
Prepare Random Inputs
    [Documentation]    A user who has a conversation, with quotas that random inputs do not use up; another one, whom operators may delete;
    ...    a third one whose round trips are known.
    ${users} =    Create Load Users    2
    VAR    ${USER}    ${users}[0]    scope=TEST
    ${conversation} =    Create Conversation    ${USER}
    VAR    &{known}    conversation_id=${conversation.id}    user_id=${users[1].id}    session_id=${users[1].session_id}    If-Match=*
    VAR    @{read_back}    ${BACKEND_URL}/api/preferences    ${BACKEND_URL}/api/conversations    ${BACKEND_URL}/api/notifications
    VAR    &{FUZZING}    count=${INPUTS}    known=${known}    read_back=${read_back}    reader=${USER.access_token}    scope=TEST
    Connect Second User
    Measure Second User At Rest    40
    Start Exchange    ${PROBE}    ${SECOND_USER}    replies=2

Make Client Frames
    [Documentation]    One good frame of each type that a client sends.
    VAR    ${conversation}    ${FUZZING}[known][conversation_id]
    VAR    &{message}    conversation_id=${conversation}    client_msg_id=first    body=a message
    VAR    &{resume}    client_id=${USER.id}    positions=${{ {$conversation: {'epoch': 'e', 'seq': 0}} }}
    VAR    &{state}    base_version=${0}    document=${{ {'open': [1, 2]} }}
    VAR    &{room}    conversation_id=${conversation}
    VAR    &{payloads}    ping=${room}    whoami=${{ {} }}    subscribe=${room}    message.send=${message}    resume=${resume}
    ...    event.ack=${{ {'event_id': $USER.id} }}    state.get=${{ {} }}    state.update=${state}    reauth=${{ {'token': 'a.b.c'} }}
    VAR    @{frames}    @{EMPTY}
    FOR    ${type}    ${payload}    IN    &{payloads}
        Append To List    ${frames}    ${{ {'type': $type, 'id': 'first', 'payload': $payload} }}
    END
    RETURN    ${frames}

Other User Should Not Be Slowed
    [Documentation]    The other user's round trips meanwhile took at most ten times as long as those at rest, or a quarter of a second.
    ${done} =    Stop Exchange
    Record Latencies    round trip beside random inputs    ${done.latencies}
    ${rest} =    Log Latencies    round trip at rest
    ${beside} =    Log Latencies    round trip beside random inputs
    Value Should Be Within Budget    round trip beside random inputs    ${beside.p99}    ${{ max(10 * $rest.p99, 0.25) }}
