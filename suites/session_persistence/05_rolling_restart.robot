*** Settings ***
Documentation       Every service is replaced in turn while clients hold requests open, connect early and send late, write, sign in and
...                 refresh: nothing is lost, nothing has to be sent twice, no chat is away for more than a second. A service that is
...                 stopped (SIGTERM, as orchestrators do) answers what it has begun to receive.
...                 Sources: RFC 9112 §9.6 (closing), RFC 9110 §9.2.2 (what may be sent twice) and §15.6.4 (503);
...                 docs/protocol.md §1 (stops).
Resource            persistence.resource
Suite Setup         Open Private Platform    backends=2
Suite Teardown      Leave Platform
Test Setup          Start Persistence Measurement
Test Teardown       Restore Stopped Service
Test Tags           session-persistence    p0    req:P07    needs:ws    needs:replicas.2    needs:control.restart


*** Variables ***
@{ROLLED}    auth    backend-1    backend-2    frontend


*** Test Cases ***
A Rolling Restart Loses No Request
    [Tags]    id:P07-07    part:graceful    proto:1.49
    Sign Up With Password
    Start Probes Of Everything
    FOR    ${instance}    IN    @{ROLLED}
        Restart Instances By    replace    ${instance}
    END
    Wait For Probe Answers    3
    Every Request Should Have Been Answered At First Try

Chats Are Away For A Second At Most
    [Documentation]    From the loss of a socket until its stream is resumed.
    [Tags]    id:P03-03    req:P03    part:reconnection
    Start Chats Of Load Users    6
    FOR    ${instance}    IN    @{ROLLED}
        Restart Instances By    replace    ${instance}
    END
    Chats Should Go On After Losses    closes=${{ [1012] }}    lost=6
    Latencies Should Hold    socket reconnection    max    1s

A Stopped Service Answers What It Has Begun To Receive
    [Documentation]    The rest of a request comes after the service was asked to end.
    [Tags]    id:P07-08    part:stopped    needs:control.stop    proto:1.47
    [Template]    Stopped Service Should Answer What Comes Late
    auth    ${AUTH_URL}    /auth/signup    /users/me
    backend-1    ${BACKEND_URL}    /api/conversations    /api/me
    frontend    ${PUBLIC_URL}    /api/conversations    /api/me

A Stopped Service Refuses What Does Not Come
    [Documentation]    Who sends a part of a request and no more receives that nobody takes it, and when to come again.
    [Tags]    id:P07-09    part:stopped    needs:control.stop    proto:1.48
    [Template]    Stopped Service Should Refuse What Does Not Come
    auth    ${AUTH_URL}    /auth/login    auth_unavailable
    backend-1    ${BACKEND_URL}    /api/conversations    backend_unavailable
    frontend    ${PUBLIC_URL}    /api/conversations    frontend_unavailable


*** Keywords ***
Sign Up With Password
    [Documentation]    A user who signs in with a password, and another one whose token is used.
    ${person} =    Create User
    VAR    ${PERSON}    ${person}    scope=TEST
    Sign In New User

Start Probes Of Everything
    [Documentation]    Reads, writes, sign-ins and refreshes of slow clients, each on a connection of its own; and reads of quick ones on
    ...    connections that are kept.
    VAR    &{slow}    hold=150ms    good=2xx    ca_file=${CA_FILE}
    FOR    ${name}    ${url}    ${path}    IN    auth    ${AUTH_URL}    /users/me    backend-1    ${BACKEND_URL}    /api/me
    ...    backend-2    ${BACKEND_2_URL}    /api/me    frontend    ${PUBLIC_URL}    /api/me
        Start Probe    ${name} reads slowly    ${url}${path}    ${ACCESS_TOKEN}    &{slow}
        Start Probe    ${name} reads    ${url}${path}    ${ACCESS_TOKEN}    every=40ms    good=200    ca_file=${CA_FILE}
    END
    FOR    ${name}    ${url}    IN    backend-1    ${BACKEND_URL}    backend-2    ${BACKEND_2_URL}    frontend    ${PUBLIC_URL}
        Start Probe    ${name} writes slowly    ${url}/api/conversations    ${ACCESS_TOKEN}    method=POST
        ...    json=${{ {'title': 'rolling'} }}    &{slow}
    END
    FOR    ${name}    ${url}    IN    auth    ${AUTH_URL}    frontend    ${PUBLIC_URL}
        Start Probe    ${name} signs in slowly    ${url}/auth/login    method=POST
        ...    json=${{ {'email': $PERSON.email, 'password': $PERSON.password} }}    &{slow}
        ${user} =    Create User
        Start Probe    ${name} refreshes slowly    ${url}/auth/refresh    method=POST
        ...    json=${{ {'refresh_token': $user.refresh_token} }}    carry=refresh_token    &{slow}
    END
    Wait For Probe Answers    2

Every Request Should Have Been Answered At First Try
    [Documentation]    Of each probe of `Start Probes Of Everything` each answer was good, and no request had to be sent twice.
    ${reports} =    Stop Probes
    FOR    ${report}    IN    @{reports.values()}
        Availability Should Be At Least    ${report}    100
    END
    FOR    ${report}    IN    @{reports.values()}
        No Request Should Have Been Sent Twice    ${report}
    END

Stopped Service Should Answer What Comes Late
    [Documentation]    Of a read half of the head is there, of a write the head, or all but the last byte, as the service is stopped.
    [Arguments]    ${instance}    ${url}    ${write}    ${read}
    Sign In New User
    VAR    &{new}    title=late    name=Late    password=${USER.password}
    VAR    &{late}    token=${ACCESS_TOKEN}    ca_file=${CA_FILE}
    ${head} =    Hold Request    ${url}${read}    half head    &{late}
    ${body} =    Hold Request    ${url}${write}    head    method=POST    &{late}
    ...    json=${{ {**$new, 'email': f'{uuid.uuid4()}@example.test'} }}
    ${byte} =    Hold Request    ${url}${write}    half body    method=POST    &{late}
    ...    json=${{ {**$new, 'email': f'{uuid.uuid4()}@example.test'} }}
    Stop Service    ${instance}
    FOR    ${held}    IN    ${head}    ${body}    ${byte}
        Held Request Should Have Been Answered    ${held}    ${instance}
    END
    Start Service    ${instance}

Held Request Should Have Been Answered
    [Documentation]    A success, and no more on this connection.
    [Arguments]    ${held}    ${instance}
    ${reply} =    Get Held Reply    ${held}
    Should Be True    $reply.status in (200, 201, 204)
    ...    ${instance}, asked to end, left ${held.name} without its answer: ${reply.status} ${reply.code} ${reply.error}
    Should Be Equal    ${reply.headers}[connection]    close    ${instance} ends and keeps a connection

Stopped Service Should Refuse What Does Not Come
    [Documentation]    As a half head, and as a body without its last byte.
    [Arguments]    ${instance}    ${url}    ${write}    ${code}
    Sign In New User
    VAR    &{never}    finish=${False}    token=${ACCESS_TOKEN}    ca_file=${CA_FILE}
    ${head} =    Hold Request    ${url}${write}    half head    &{never}
    ${body} =    Hold Request    ${url}${write}    half body    method=POST    json=${{ {'title': 'never'} }}    &{never}
    Stop Service    ${instance}
    FOR    ${held}    IN    ${head}    ${body}
        Held Request Should Have Been Refused    ${held}    ${instance}    ${code}
    END
    Start Service    ${instance}

Held Request Should Have Been Refused
    [Documentation]    503 with the service's own code and ``Retry-After``, within three seconds.
    [Arguments]    ${held}    ${instance}    ${code}
    ${reply} =    Get Held Reply    ${held}
    Should Be Equal    ${{ ($reply.status, $reply.code) }}    ${{ (503, $code) }}
    ...    ${instance}, asked to end, left ${held.name} with ${reply.status} ${reply.code} ${reply.error}
    ...    values=False
    Dictionary Should Contain Key    ${reply.headers}    retry-after
    Value Should Be Within Budget    time until ${instance} refuses what does not come    ${reply.seconds}    3s

Restore Stopped Service
    [Documentation]    For a teardown: no probe is left, and every service runs.
    Stop All Probes
    Restore Platform And Judge Budgets
