*** Settings ***
Documentation       What auth promises of its stores: what Redis holds under which key and for how long, what the outbox tells backend,
...                 and what of tokens is kept.
...                 Sources: RFC 9700 §4.14.2 (refresh tokens), RFC 7519 §4.1.4; docs/protocol.md §2.3, §2.5, §2.6 and §3.1.
Resource            promised_stores.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Tags           contract    p1    needs:replicas.2    needs:redis    needs:db.auth    needs:db.main


*** Variables ***
${RECORD_OF_USER}       created_at email id name plan roles status updated_at version
${REVOKE_BY_HAND}       SEPARATOR=${SPACE}
...                     INSERT INTO revoked_sessions (sid, user_id, reason, expires_at)
...                     VALUES (%s, %s, 'by hand', now() + interval '5 minutes')
${HOLDERS}              SEPARATOR=${SPACE}
...                     SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
...                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
${WITHOUT_A_RING}       SEPARATOR=${SPACE}
...                     INSERT INTO outbox (id, user_id, type, occurred_at, data)
...                     SELECT gen_random_uuid(), user_id, 'user.updated', now(), data || '{"version": 9, "name": "Without A Ring"}'
...                     FROM outbox WHERE user_id = %s AND type = 'user.created'


*** Test Cases ***
A Key Of A Refresh Has 16 To 256 Characters
    [Tags]    id:CT-133    req:C04.3    proto:2.3.33    sec:O06
    [Template]    Key Of Length Should
    15     be none
    16     be repeated
    256    be repeated
    257    be none

Nobody Reads The Next Refresh Token From The Database
    [Tags]    id:CT-134    req:C04.3    proto:2.3.39    sec:O06
    ${next} =    Refresh Should Give    ${REFRESH_TOKEN}    ${KEY}
    ${row} =    Read Refresh Token Row    ${REFRESH_TOKEN}
    VAR    ${secret}    ${{ base64.urlsafe_b64decode($next + '=') }}
    VAR    ${kept}    ${{ bytes($row['successor']) }}
    Should Be True    $kept and $secret not in $kept and $next.encode() not in $kept    auth keeps the successor of a token as it is

An Access Token Ends In Its Session's Last Second
    [Tags]    id:CT-136    req:S04    proto:2.3.20    needs:session.admin
    ${session} =    Create Managed Session    ${USER.id}    idle_ttl=90 seconds
    ${later} =    Get Seconds Between Expiry Of Token And Session    ${session}
    Should Be True    0 <= ${later} < 1    an access token ends ${later} s after its session, not in the second of its end

A Refresh Leaves Earlier Access Tokens As They Were
    [Tags]    id:CT-126    req:C04.3    proto:2.4.14
    VAR    ${earlier}    ${ACCESS_TOKEN}
    Wait Until Token Has Left    ${earlier}    298s
    Refresh Tokens
    FOR    ${service}    ${path}    IN    auth    /users/me    backend    /api/me    frontend    /api/me
        Run Case    a token from before a refresh    Get From    ${service}    ${path}    ${earlier}
    END

Redis Keeps A Session Under Its Declared Keys
    [Tags]    id:CT-137    req:M02.1    proto:2.5.28    proto:2.5.29    needs:session.admin
    ${session} =    Create Managed Session    ${USER.id}    idle_ttl=100 seconds
    VAR    ${hash}    ${{ hashlib.sha256($session.session_token.value.encode()).hexdigest() }}
    Get Redis Value    session:token:${hash}    ==    ${session.session_id}
    Get Redis Ttl    session:token:${hash}    validate    95 < value <= 100    message=the way from a token lives otherwise than its session
    ${listed} =    Get Redis Sorted Set    user:${USER.id}:sessions
    ${rows} =    Query    SELECT extract(epoch FROM created_at)::float FROM sessions WHERE id = %s    alias=auth
    ...    parameters=${{ [$session.session_id] }}
    Should Be True    abs($listed[$session.session_id] - $rows[0][0]) < 0.001    the score of a session is not the time of its creation

A List Of Sessions Lives As Long As The Longest
    [Documentation]    Whichever of them was made, or was active, last.
    [Tags]    id:CT-326    req:M02.1    proto:2.5.58    needs:session.admin
    ${short} =    Create Managed Session    ${USER.id}    absolute_ttl=100 seconds
    ${longest} =    Get Platform Limit    session_absolute
    List Of Sessions Should Live    ${longest}
    Record Session Activity    ${short}
    List Of Sessions Should Live    ${longest}
    Create Managed Session    ${USER.id}    absolute_ttl=${{ $longest + 100 }} seconds
    List Of Sessions Should Live    ${{ $longest + 100 }}

A Mark Of A Revoked Session Refuses It Everywhere
    [Tags]    id:CT-138    req:S02    proto:2.5.32    proto:3.1.40    proto:3.1.41
    ${longest} =    Get Platform Limit    access_ttl
    Log Out
    Get Redis Ttl    session:revoked:${USER.session_id}    validate    ${longest} - 10 < value <= ${longest} + 5
    ...    message=the mark of a revoked session lives otherwise than the longest access token
    Sign In New User
    Set Redis Value    session:revoked:${USER.session_id}    1
    Backend Should Call Session Revoked
    Sign In New User
    Execute Sql String    ${REVOKE_BY_HAND}    alias=main    parameters=${{ [$USER.session_id, $USER.id] }}
    Backend Should Call Session Revoked

A Revoked Session Refuses No Other That Asks With It
    [Tags]    id:CT-205    req:S02    proto:3.1.40
    ${users} =    Create Load Users    10
    VAR    ${revoked}    ${ACCESS_TOKEN}
    Log Out
    VAR    ${tokens}    ${{ [$revoked] + [user.access_token for user in $users] }}
    VAR    ${urls}    ${{ [$BACKEND_URL + '/api/me'] * 11 }}
    VAR    ${requests}    ${{ [dict(zip(('url', 'token'), pair)) for pair in zip($urls, $tokens)] }}
    FOR    ${_}    IN RANGE    10
        ${replies} =    Send At Once    ${requests}
        Should Be Equal    ${{ [reply.status for reply in $replies] }}    ${{ [401] + [200] * 10 }}
        ...    statuses of a revoked session and of ten live ones
    END

The Outbox Names Each Change In Its Words
    [Tags]    id:CT-139    req:C07.2    proto:2.6.08    needs:session.admin
    Patch At    auth    /users/me    ${{ {'name': 'Another Name'} }}    ${ACCESS_TOKEN}
    Log Out
    Post To    auth    /admin/users/${USER.id}/deactivate    ${{ {} }}    ${SERVICE_TOKEN}
    Post To    auth    /admin/users/${USER.id}/activate    ${{ {} }}    ${SERVICE_TOKEN}
    ${events} =    Get Events Of User In Outbox
    VAR    @{wanted}    user.created    user.updated    session.revoked    user.deactivated    user.activated
    Should Be Equal    ${{ [event[0] for event in $events] }}    ${wanted}    types of events in the outbox
    Should Be Equal    ${events[1][1]}    ${RECORD_OF_USER}    the data of an event of a user
    Should Be Equal    ${events[2][1]}    expires_at reason sid user_id    the data of an event of a session

The Outbox Has One Dispatcher That Also Polls
    [Tags]    id:CT-158    req:C07.3    proto:2.6.02    proto:2.6.04
    Userbase Should Hold    ${{ [$USER] }}
    ${holders} =    Query    ${HOLDERS}    alias=auth
    Should Be Equal    ${holders[0][0]}    ${1}    holders of the dispatcher's lock
    Execute Sql String    ${WITHOUT_A_RING}    alias=auth    parameters=${{ [$USER.id] }}
    Wait Until Keyword Passes    10s    Check Row Count    SELECT 1 FROM userbase WHERE id = '${USER.id}' AND name = 'Without A Ring'
    ...    ==    1    alias=main    assertion_message=nobody looks into an outbox for which nobody rang


*** Keywords ***
Key Of Length Should
    [Documentation]    A refresh that is sent again under a key of so many characters is repeated or reuse: ``be repeated``, ``be none``.
    [Arguments]    ${length: int}    ${outcome}
    Sign In New User
    VAR    ${key}    ${{ 'k' * $length }}
    ${next} =    Refresh Should Give    ${REFRESH_TOKEN}    ${key}
    IF    $outcome == 'be repeated'
        Run Case    ${length} characters    Refresh Should Give    ${REFRESH_TOKEN}    ${key}    successor=${next}
    ELSE
        Run Case    ${length} characters    Refresh Should End Family    ${REFRESH_TOKEN}    ${key}
    END

Get Seconds Between Expiry Of Token And Session
    [Documentation]    How much later an access token ends than its session does.
    [Arguments]    ${session}
    ${claims} =    Read Token Claims    ${session.access_token}
    ${rows} =    Query    SELECT extract(epoch FROM least(idle_expires_at, absolute_expires_at))::float FROM sessions WHERE id = %s
    ...    alias=auth    parameters=${{ [$session.session_id] }}
    RETURN    ${{ $claims['exp'] - $rows[0][0] }}

Get Events Of User In Outbox
    [Documentation]    Type and members of the data of each event about the current user, in their order.
    ${rows} =    Query    ${EVENTS_OF_USER}
    ...    alias=auth    parameters=${{ [$USER.id] }}
    RETURN    ${{ [list(row) for row in $rows] }}

List Of Sessions Should Live
    [Documentation]    What Redis lists of the current user's sessions has so many seconds left, or a few less.
    [Arguments]    ${seconds: int}
    Get Redis Ttl    user:${USER.id}:sessions    validate    ${seconds} - 20 < value <= ${seconds}
    ...    message=the list of a user's sessions lives otherwise than the longest of them
