*** Settings ***
Documentation       A session that moves to SSO goes on in a new one with all that it had; the old one ends in the same moment, wherever
...                 it is asked for, and what has ended or never was moves nowhere. Sources: docs/protocol.md §2.5; OWASP ASVS 5.0
...                 7.2.4 (a new token when a user authenticates again, and the end of the old one), 7.4.1 (no further use of what has
...                 ended).
Resource            sessions.resource
Resource            auth.resource
Library             PlatformLibrary
Library             ProbeLibrary
Suite Setup         Open Private Platform    backends=1
Suite Teardown      Leave Platform
Test Tags           session-manager    p1    needs:session.admin    needs:redis    needs:db.auth


*** Variables ***
&{OLD_DATA}     theme=dark    tab=${3}
&{NEW_DATA}     tab=${4}    idp=corporate


*** Test Cases ***
A Migrated Session Keeps Everything As SSO
    [Tags]    id:M11-01    req:M11.1    proto:2.5.11
    Create User With Session    device=laptop    fingerprint=laptop    metadata=${OLD_DATA}
    ${sso} =    Migrate Session    ${SESSION}    metadata=${NEW_DATA}
    Migrated Session Should Continue Old One    ${sso}
    Should Be Equal    ${sso.record}[metadata]    ${{ $OLD_DATA | $NEW_DATA }}
    Stores Should Agree On Session    ${sso}
    Session Token Should Be Valid    ${sso}    source=redis    fingerprint=laptop
    Old Session Should Have Ended For    ${sso}

A Migration Ends All Old Tokens Everywhere
    [Tags]    id:M11-02    req:M11.1    proto:2.5.12    extra
    Create User With Session
    ${sso} =    Migrate Session    ${SESSION}
    Session Token Should Be Invalid    ${SESSION}    revoked
    Redis Should Hold Nothing Of Session
    Service Should Refuse Token    auth    /users/me    ${SESSION.access_token}    session_revoked
    Refresh Should Be Refused With    ${SESSION.refresh_token}    invalid_grant
    Wait Until Session Is Gone Everywhere    ${SESSION}    within=5s
    Session Should Be Live Everywhere    ${sso}    within=5s

A Session That Does Not Exist Cannot Be Migrated
    [Tags]    id:M11-03    req:M11.2
    ${nobody} =    Get Random UUID
    Session Manager Should Refuse    ${nobody}/migrate    404    not_found    type=SSO
    Nothing Should Have Come Of    ${nobody}

A Revoked Or Migrated Session Cannot Be Migrated
    [Tags]    id:M11-04    req:M11.2    proto:2.5.43    extra
    Create User With Session
    Revoke Session    ${SESSION}
    Migration Should Be Refused    session_revoked
    Create User With Session
    ${sso} =    Migrate Session    ${SESSION}
    Session Manager Should Refuse    ${SESSION.session_id}/migrate    409    session_revoked    type=SSO
    Session Token Should Be Valid    ${sso}

An Expired Session Cannot Be Migrated
    [Tags]    id:M11-05    req:M11.2    extra
    Create User With Session    idle_ttl=1 hour
    Move Session Into Past    61 min
    Migration Should Be Refused    session_expired
    Create User With Session    absolute_ttl=1 hour
    Move Row Into Past    61 min
    Migration Should Be Refused    session_expired

One Of Twenty Parallel Migrations Succeeds
    [Tags]    id:M11-06    req:M11.1    extra
    Create User With Session
    Migrate Session Twenty Times At Once
    Should Be Stored    auth    types of the user's living sessions
    ...    SELECT type FROM sessions WHERE user_id = %s AND status = 'active'    ${USER_ID}    SSO

A Migration At The Limit Ends No Other Session
    [Tags]    id:M11-07    req:M11.1    extra
    Create User With Session
    Repeat Keyword    9 times    Create Managed Session    ${USER_ID}
    ${before} =    Get Live Sessions
    ${sso} =    Migrate Session    ${before}[-1]
    ${after} =    Get Live Sessions
    Length Should Be    ${before}    10    msg=the user is not at their limit
    Should Be Equal    ${after}    ${{ [*$before[:-1], $sso.session_id] }}    the user's sessions after the migration

A Migration Works While Redis Is Dead
    [Tags]    id:M11-08    req:M11.1    extra    needs:control.kill
    Create User With Session
    Kill Service    redis
    ${sso} =    Migrate Session    ${SESSION}
    Session Token Should Be Invalid    ${SESSION}    revoked    database
    Session Token Should Be Valid    ${sso}    source=database
    Migration Should Be Refused    session_revoked    came=1
    [Teardown]    Restore Redis For Auth

An Outdated Redis Revives No Migrated Token
    [Tags]    id:M11-09    req:M11.1    extra    needs:control.pause
    Create User With Session
    Pause Redis Until Auth Notices
    ${sso} =    Migrate Session    ${SESSION}
    Session Token Should Be Invalid    ${SESSION}    revoked    database
    Resume Service    redis
    Nobody Should Accept Old Token
    Redis Should Find Session Again    ${sso}
    Nobody Should Accept Old Token
    Redis Should Hold Nothing Of Session
    [Teardown]    Restore Redis For Auth


*** Keywords ***
Migrated Session Should Continue Old One
    [Documentation]    A new session of type SSO with a token of its own, and the old one's user, device, fingerprint and roles.
    [Arguments]    ${sso}
    VAR    ${now}    ${sso.record}
    Should Be Equal    ${now}[type]    SSO
    Should Be Equal    ${now}[origin]    migrated:${SESSION.session_id}
    Should Be Equal    ${now}[status]    active
    Should Not Be Equal    ${sso.session_token.value}    ${SESSION.session_token.value}    the session token is the old one    values=False
    FOR    ${kept}    IN    user_id    device    fingerprint    roles
        Should Be Equal    ${now}[${kept}]    ${SESSION.record}[${kept}]    the new session has another ${kept} than the old one
    END

Old Session Should Have Ended For
    [Documentation]    The old session's row is revoked as migrated, and its audit trail names the new session.
    [Arguments]    ${sso}
    ${row} =    Get Session Row    ${SESSION.session_id}
    Should Be Equal    ${{ ($row['status'], $row['revoke_reason']) }}    ${{ ('revoked', 'migrated') }}    how the old session has ended
    ${events} =    Get Session Events    ${SESSION}
    Should Be Equal    ${{ [event['type'] for event in $events] }}    ${{ ['created', 'revoked', 'migrated'] }}
    Should Be Equal    ${events}[-1][detail]    ${{ {'to': $sso.session_id} }}

Migration Should Be Refused
    [Documentation]    409 with this code, and no more sessions than before have come of the old one.
    [Arguments]    ${code}    ${came: int}=0
    Session Manager Should Refuse    ${SESSION.session_id}/migrate    409    ${code}    type=SSO
    Should Be Stored    auth    sessions that came of one that has ended
    ...    SELECT count(*) FROM sessions WHERE origin = 'migrated:' || %s    ${SESSION.session_id}    ${came}

Nothing Should Have Come Of
    [Documentation]    No session says that it was this one before.
    [Arguments]    ${session_id}
    Should Be Stored    auth    sessions that came of none    SELECT id FROM sessions WHERE origin = 'migrated:' || %s    ${session_id}

Get Live Sessions
    [Documentation]    The ids of the user's active sessions, oldest first.
    ${sessions} =    List User Sessions    ${USER_ID}
    RETURN    ${{ [session['session_id'] for session in $sessions] }}

Migrate Session Twenty Times At Once
    [Documentation]    Twenty requests at one instant: one gets a new session, the others are notified that the old one has ended.
    VAR    ${url}    ${AUTH_URL}/admin/sessions/${SESSION.session_id}/migrate
    VAR    &{request}    method=POST    url=${url}    token=${SERVICE_TOKEN}    json=${{ {'type': 'SSO'} }}
    ${replies} =    Send At Once    ${{ [$request] * 20 }}    ca_file=${CA_FILE}
    VAR    ${answers}    ${{ sorted((reply.status, reply.code or '') for reply in $replies) }}
    Should Be Equal    ${answers}    ${{ [(201, '')] + [(409, 'session_revoked')] * 19 }}    how twenty migrations were answered

Nobody Should Accept Old Token
    [Documentation]    Twenty validations of the old session token at one instant, each of which refuses it as revoked.
    VAR    ${body}    ${{ {'session_token': $SESSION.session_token.value} }}
    VAR    &{request}    method=POST    url=${AUTH_URL}/admin/sessions/validate    token=${SERVICE_TOKEN}    json=${body}
    ${replies} =    Send At Once    ${{ [$request] * 20 }}    ca_file=${CA_FILE}
    VAR    ${verdicts}    ${{ {(reply.json or {}).get('reason', reply.status) or 'valid' for reply in $replies} }}
    Should Be Equal    ${verdicts}    ${{ {'revoked'} }}    what was said of the old session token
