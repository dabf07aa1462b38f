*** Settings ***
Documentation       A revoked session is dead at once, with each of its tokens, in every store and at every endpoint; why and when is kept.
...                 Sources: docs/protocol.md §2.4 to §2.6, RFC 7009 §2 (revocation), OWASP ASVS 5.0 7.4.1 (termination at once)
...                 and 7.4.3 (all other sessions).
Resource            sessions.resource
Resource            auth.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Tags           session-manager    p0    needs:session.admin    needs:redis    needs:db.auth


*** Test Cases ***
A Revoked Session Dies With All Its Tokens
    [Tags]    id:M06-04    req:M06.1    proto:2.5.31
    Create User With Session
    ${second_user} =    Create Managed Session    ${USER_ID}
    ${record} =    Revoke Session    ${SESSION}
    Should Be Equal    ${record}[status]    revoked
    Session Token Should Be Invalid    ${SESSION}    revoked    source=database
    Service Should Refuse Token    auth    /users/me    ${SESSION.access_token}    session_revoked
    Refresh Should Be Refused With    ${SESSION.refresh_token}    invalid_grant
    Session Should Allow Nothing
    Redis Should Hold Nothing Of Session
    Stores Should Agree On Session    ${second_user}

A Logout Revokes The Session
    [Tags]    id:M06-05    req:M06.1    proto:2.5.31    extra
    Create User With Session
    Post To    auth    /auth/logout    ${{ {} }}    ${SESSION.access_token}    status=204
    Session Token Should Be Invalid    ${SESSION}    revoked    source=database
    Service Should Refuse Token    auth    /users/me    ${SESSION.access_token}    session_revoked
    Refresh Should Be Refused With    ${SESSION.refresh_token}    invalid_grant
    Redis Should Hold Nothing Of Session
    ${row} =    Get Session Row    ${SESSION.session_id}
    Should Be Equal    ${row}[revoke_reason]    logout

Tokens From Before A Refresh Die With The Session
    [Documentation]    An access token lives to its expiry, a refresh notwithstanding; the revocation ends the old one and the new one.
    [Tags]    id:M06-06    req:M06.1    extra
    Create User With Session
    ${next} =    Refresh Tokens Of    ${SESSION}
    ${renewed} =    Refresh Session Token    ${SESSION}
    Get From    auth    /users/me    ${SESSION.access_token}
    Revoke Session    ${SESSION}
    Service Should Refuse Token    auth    /users/me    ${SESSION.access_token}    session_revoked
    Service Should Refuse Token    auth    /users/me    ${next}[access_token]    session_revoked
    Refresh Should Be Refused With    ${next}[refresh_token]    invalid_grant
    Session Token Should Be Invalid    ${renewed}[session_token]    revoked
    Session Token Should Be Invalid    ${SESSION}    not_found

An Unknown Session Cannot Be Revoked
    [Tags]    id:M06-07    req:M06.1    extra
    ${unknown} =    Get Random UUID
    Session Manager Should Refuse    ${unknown}/revoke    404    not_found
    Session Manager Should Refuse    no-session/revoke    400    invalid_request
    Redis Key Should Not Exist    session:revoked:${unknown}

The Reason Of A Revocation Is Kept In Every Store
    [Tags]    id:M06-08    req:M06.2
    Create User With Session
    VAR    ${reason}    stolen phone · téléphone volé · 📱
    ${record} =    Revoke Session    ${SESSION}    ${reason}
    Should Be Equal    ${record}[revoke_reason]    ${reason}    the answer gives another reason
    Session Should Be Revoked For    ${reason}
    Get Redis Value    session:revoked:${SESSION.session_id}    ==    ${reason}

The First Reason Of A Revocation Stays
    [Tags]    id:M06-09    req:M06.2    proto:2.5.44    extra
    Create User With Session
    Revoke Session    ${SESSION}    first
    ${before} =    Get Session Row    ${SESSION.session_id}
    ${record} =    Revoke Session    ${SESSION}    second
    Should Be Equal    ${record}[revoke_reason]    first    the second revocation answers with another reason than the first
    Only These Columns Should Have Changed    ${before}
    Audit Trail Should Read    created    revoked
    Get Redis Value    session:revoked:${SESSION.session_id}    ==    first

A Session That Had Expired Is Not Called Revoked Afterwards
    [Tags]    id:M06-10    req:M06.2    proto:2.5.44    extra
    Create User With Session    idle_ttl=10min
    Move Session Into Past    11min
    ${before} =    Get Session Row    ${SESSION.session_id}
    ${record} =    Revoke Session    ${SESSION}
    Should Be Equal    ${record}[status]    expired    the expired session is called something different now
    Only These Columns Should Have Changed    ${before}
    Session Token Should Be Invalid    ${SESSION}    expired

The Audit Trail Outlives Session And User
    [Tags]    id:M06-11    req:M06.3    proto:2.5.45    proto:2.5.46
    Create User With Session
    Refresh Session Token    ${SESSION}
    Revoke Session    ${SESSION}    a good reason
    Audit Trail Should Read    created    refreshed    revoked
    Revocation In Audit Trail Should Have    a good reason
    Delete At    auth    /admin/users/${USER_ID}    ${SERVICE_TOKEN}
    Check Row Count    SELECT 1 FROM sessions WHERE user_id = '${USER_ID}'    ==    0    alias=auth
    Audit Trail Should Read    created    refreshed    revoked

Databases And Services Agree On A Revocation
    [Tags]    id:M06-12    req:M06.4    proto:2.6.01    needs:db.main    needs:replicas.2
    Create User With Session
    Session Should Be Live Everywhere    ${SESSION}    within=10s
    Revoke Session    ${SESSION}    in step
    Session Should Be Revoked For    in step
    Wait Until Session Is Gone Everywhere    ${SESSION}    within=10s
    Main Database Should Know Of Revocation For    in step
    Service Should Refuse Token    backend    /api/me    ${SESSION.access_token}    session_revoked
    Service Should Refuse Token    backend-2    /api/me    ${SESSION.access_token}    session_revoked
    Service Should Refuse Token    frontend    /api/me    ${SESSION.access_token}    session_revoked

All Sessions Of A User Are Revoked And No Others
    [Tags]    id:M06-13    req:M06.5    proto:2.5.14
    Create User With Sessions On Three Devices
    ${other_user} =    Create User
    ${revoked} =    Revoke User Sessions    ${USER_ID}    account recovery
    Should Be Equal    ${revoked}    ${3}    other than three sessions were counted as revoked
    Run For Each Session    Session Should Be Dead And Gone For    account recovery
    ${left} =    List User Sessions    ${USER_ID}
    Should Be Empty    ${left}    sessions are still listed: ${left}
    Session Should Be Live Everywhere    ${other_user}    places=${STORES}

Sessions That Had Ended Are Not Counted Nor Changed
    [Tags]    id:M06-14    req:M06.5    proto:2.5.14    extra
    Create User With Session    idle_ttl=10min
    ${ended} =    Create Managed Session    ${USER_ID}
    ${alive} =    Create Managed Session    ${USER_ID}
    Move Session Into Past    11min
    Revoke Session    ${ended}    before
    ${revoked} =    Revoke User Sessions    ${USER_ID}    now
    Should Be Equal    ${revoked}    ${1}    other sessions were counted than the one alive
    Session Token Should Be Invalid    ${SESSION}    expired
    Session Should Be Revoked For    before    ${ended}
    Session Should Be Revoked For    now    ${alive}

All Sessions But The Current One Are Revoked
    [Tags]    id:M06-15    req:M06.6
    Create User With Sessions On Three Devices
    VAR    ${current}    ${SESSIONS}[1]
    ${revoked} =    Revoke User Sessions    ${USER_ID}    others    keep=${current}
    Should Be Equal    ${revoked}    ${2}    other than two sessions were counted as revoked
    Session Should Be Dead And Gone For    others    ${SESSIONS}[0]
    Session Should Be Dead And Gone For    others    ${SESSIONS}[2]
    Stores Should Agree On Session    ${current}
    Session Should Allow Everything    ${current}

A User Ends All Their Other Sessions
    [Tags]    id:M06-16    req:M06.6    proto:2.4.35    extra
    Create User With Sessions On Three Devices
    VAR    ${current}    ${SESSIONS}[2]
    ${response} =    Post To    auth    /auth/sessions/revoke-others    ${{ {} }}    ${current.access_token}
    Should Be Equal    ${response.json()}    ${{ {'revoked': 2} }}
    Session Should Be Dead And Gone For    revoked    ${SESSIONS}[0]
    Session Should Be Dead And Gone For    revoked    ${SESSIONS}[1]
    Session Should Allow Everything    ${current}

Another User's Session Cannot Be Excepted
    [Tags]    id:M06-17    req:M06.6    extra
    Create User With Sessions On Three Devices
    ${other_user} =    Create User
    ${revoked} =    Revoke User Sessions    ${USER_ID}    keep=${other_user}
    Should Be Equal    ${revoked}    ${3}    another's session kept one of the user's alive
    Session Should Be Live Everywhere    ${other_user}    places=${STORES}


*** Keywords ***
Session Should Allow Nothing
    [Documentation]    No refresh, no activity and no migration; the row stays as it is.
    ${before} =    Get Session Row    ${SESSION.session_id}
    Session Manager Should Refuse    refresh    409    session_revoked    session_token=${SESSION.session_token.value}
    Session Manager Should Refuse    ${SESSION.session_id}/activity    409    session_revoked
    Session Manager Should Refuse    ${SESSION.session_id}/migrate    409    session_revoked
    Only These Columns Should Have Changed    ${before}

Session Should Allow Everything
    [Documentation]    The session's token is valid, auth knows its access token, and it can be used and refreshed.
    [Arguments]    ${session}
    Session Token Should Be Valid    ${session}    source=redis
    Get From    auth    /users/me    ${session.access_token}
    Record Session Activity    ${session}
    Refresh Tokens Of    ${session}

Create User With Sessions On Three Devices
    [Documentation]    A new user with a WEB, a MOBILE and an API session: sets ``USER_ID`` and ``SESSIONS``.
    Create User Without Session
    ${web} =    Create Managed Session    ${USER_ID}    type=WEB
    ${mobile} =    Create Managed Session    ${USER_ID}    type=MOBILE
    ${api} =    Create Managed Session    ${USER_ID}    type=API
    VAR    @{SESSIONS}    ${web}    ${mobile}    ${api}    scope=TEST

Run For Each Session
    [Documentation]    A keyword holds for every one of ``SESSIONS``.
    [Arguments]    ${keyword}    @{arguments}
    FOR    ${session}    IN    @{SESSIONS}
        Run Case    ${session.type}    ${keyword}    @{arguments}    ${session}
    END

Session Should Be Dead And Gone For
    [Documentation]    Its row is revoked for this reason, no token of it is good, and Redis has nothing of it.
    [Arguments]    ${reason}    ${session}
    Session Should Be Revoked For    ${reason}    ${session}
    Session Token Should Be Invalid    ${session}    revoked    source=database
    Service Should Refuse Token    auth    /users/me    ${session.access_token}    session_revoked
    Refresh Should Be Refused With    ${session.refresh_token}    invalid_grant
    Redis Should Hold Nothing Of Session    ${session}

Session Should Be Revoked For
    [Documentation]    Row and record call it revoked for this reason at one moment, which is not before its last activity.
    [Arguments]    ${reason}    ${session}=${SESSION}
    ${row} =    Get Session Row    ${session.session_id}
    Should Be Equal    ${row}[status]    revoked    the row's status
    Should Be Equal    ${row}[revoke_reason]    ${reason}    the row gives another reason
    Should Not Be Equal    ${row}[revoked_at]    ${None}    the row does not say when it was revoked
    Should Be True    $row['revoked_at'] >= $row['last_activity']    the row was revoked at ${row}[revoked_at]
    Session Views Should Agree    ${session}    places=${{ ['auth', 'auth db'] }}

Audit Trail Should Read
    [Documentation]    The session's events are of these types, in this order, each not before the other.
    [Arguments]    @{types}
    ${events} =    Get Session Events    ${SESSION}
    Should Be Equal    ${{ [event['type'] for event in $events] }}    ${types}    the audit trail reads otherwise
    VAR    ${moments}    ${{ [event['at'] for event in $events] }}
    Should Be Equal    ${moments}    ${{ sorted($moments) }}    the audit trail goes back in time

Revocation In Audit Trail Should Have
    [Documentation]    The last event has this reason, the moment that the row has, and is stored under the user's id.
    [Arguments]    ${reason}
    ${events} =    Get Session Events    ${SESSION}
    Should Be Equal    ${events}[-1][detail]    ${{ {'reason': $reason} }}    the audit trail gives another reason
    ${row} =    Get Session Row    ${SESSION.session_id}
    ${at} =    Evaluate    datetime.datetime.fromisoformat($events[-1]['at'])
    Should Be Equal    ${at}    ${row}[revoked_at]    the audit trail gives another moment
    Should Be Stored    auth    users of the events in session_events
    ...    SELECT DISTINCT user_id::text FROM session_events WHERE session_id = %s    ${SESSION.session_id}    ${USER_ID}

Main Database Should Know Of Revocation For
    [Documentation]    ``revoked_sessions`` has the session, with this reason.
    [Arguments]    ${reason}
    Should Be Stored    main    reasons of the session in revoked_sessions
    ...    SELECT reason FROM revoked_sessions WHERE sid = %s    ${SESSION.session_id}    ${reason}
