*** Settings ***
Documentation       A session expires at one moment: Redis, the row, the token and every socket name the same one, at that moment each
...                 of them ends it, and what remains is cleaned up. Activity moves the moment for all of them.
...                 Sources: RFC 7519 §4.1.4 (exp); OWASP ASVS 5.0 7.3.1 and 7.3.2 (idle and absolute lifetime);
...                 docs/protocol.md §2.3 and §4.
Library             BudgetLibrary
Resource            platform.resource
Resource            sessions.resource
Resource            synchrony.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       End Part
Test Tags           session-sync    p0    req:S04    req:S07    needs:ws    needs:session.admin    needs:redis    needs:db.auth


*** Test Cases ***
Every Store And Socket Shares One Expiry
    [Tags]    id:S04-01    proto:2.3.19    proto:2.5.27    part:one-moment
    Create User With Session    idle_ttl=60s    absolute_ttl=300s
    Open Socket Of Session At Each Endpoint
    Session Should Have Time Left In Every View    60
    Move Session Into Past    40s
    Record Session Activity    ${SESSION}
    Session Should Go On With Fresh Tokens
    Session Should Have Time Left In Every View    60

Every Store And Socket Ends A Session At Expiry
    [Tags]    id:S04-02    proto:R4.13    part:coordinated
    Create Live Session That Expires Soon    absolute too
    Wait Until Session Has Expired
    Wait Until Session Is Gone Everywhere    ${SESSION}    within=2s    socket=session at frontend
    Every Socket Should Have Closed At Expiry

A Good Token Of An Expired Session Is Refused
    [Documentation]    The session ends by its row alone, before its token does, and Redis, which is up, has forgotten it.
    [Tags]    id:S04-04    part:coordinated
    Create User With Session    idle_ttl=60s    absolute_ttl=300s
    Delete Redis Keys    session:${SESSION.session_id}
    Move Row Into Past    61s
    Service Should Refuse Token    backend    /api/me    ${SESSION.access_token}    session_expired
    Service Should Refuse Token    backend-2    /api/me    ${SESSION.access_token}    session_expired
    Service Should Refuse Token    frontend    /api/me    ${SESSION.access_token}    session_expired
    Socket Should Refuse Token    ${SESSION.access_token}    session_expired

An Expired Session Leaves Nothing Behind
    [Tags]    id:S04-03    part:cleaned-up
    Create Live Session That Expires Soon
    Wait Until Session Has Expired
    Every Socket Should Have Closed At Expiry
    Clean Up Sessions
    Redis Should Lose Session
    Row And Audit Trail Should Report Expiry
    Every Service Should Refuse Token    ${SESSION.access_token}    token_expired


*** Keywords ***
Create Live Session That Expires Soon
    [Documentation]    A new session that will be idle, or at its absolute end ``too``, in three seconds has a socket at each endpoint and
    ...    is in each store. Where the machine takes longer than that to get there, another one lives twice as long.
    [Arguments]    ${too}=${EMPTY}
    VAR    ${LIFE}    ${1.5}    scope=TEST
    Wait Until Keyword Succeeds    4x    0s    Create Live Session Of Twice The Time    ${too}

Create Live Session Of Twice The Time
    [Documentation]    One attempt of `Create Live Session That Expires Soon`; nothing of an earlier one is open.
    [Arguments]    ${too}
    Close All Connections
    VAR    ${LIFE}    ${{ 2 * $LIFE }}    scope=TEST
    VAR    &{lifetimes}    idle_ttl=${LIFE}
    IF    $too    VAR    &{lifetimes}    &{lifetimes}    absolute_ttl=${LIFE}
    Create User With Session    &{lifetimes}
    Open Socket Of Session At Each Endpoint
    Session Should Be Live Everywhere    ${SESSION}    places=${{ ['redis', 'redis ttl', 'redis index', 'auth db'] }}

Open Socket Of Session At Each Endpoint
    [Documentation]    Sockets ``session at <endpoint>``; sets ``TOKEN`` and ``SOCKET_EXPIRIES`` (alias → when it will be closed).
    VAR    &{endpoints}    backend-1=${BACKEND_SOCKET_URL}    backend-2=${BACKEND_2_SOCKET_URL}    frontend=${SOCKET_URL}
    VAR    ${TOKEN}    ${SESSION.access_token}    scope=TEST
    VAR    &{SOCKET_EXPIRIES}    &{EMPTY}    scope=TEST
    FOR    ${endpoint}    ${url}    IN    &{endpoints}
        ${welcome} =    Open Chat Socket    alias=session at ${endpoint}    token=${TOKEN}    url=${url}
        Set To Dictionary    ${SOCKET_EXPIRIES}    session at ${endpoint}=${welcome}[expires_at]
    END

Session Should Go On With Fresh Tokens
    [Documentation]    Its refresh token is spent, and each socket receives the new access token.
    ${fresh} =    Refresh Tokens Of    ${SESSION}
    VAR    ${TOKEN}    ${fresh}[access_token]    scope=TEST
    FOR    ${alias}    IN    @{SOCKET_EXPIRIES}
        ${answer} =    Ask Socket    ${alias}    reauth    reauthenticated    token=${TOKEN}
        Set To Dictionary    ${SOCKET_EXPIRIES}    ${alias}=${answer}[expires_at]
    END

Session Should Have Time Left In Every View
    [Documentation]    So many seconds (up to ten less, for what the test took), by one and the same moment in Redis' document and time to
    ...    live, in the row and in auth's answer. The token counts in whole seconds, rounded up, and so do the sockets.
    [Arguments]    ${seconds: int}
    Session Views Should Agree    ${SESSION}    places=${{ ['redis', 'redis ttl', 'auth db', 'auth'] }}
    ${end} =    Get End Of Session
    Should Be True    $seconds - 10 <= $end - time.time() <= $seconds
    ...    the session has ${{ $end - time.time() }} s left, not ${seconds}
    ${claims} =    Read Token Claims    ${TOKEN}
    Should Be True    0 <= $claims['exp'] - $end < 1
    ...    the token expires ${{ $claims['exp'] - $end }} s after the session
    FOR    ${alias}    ${expiry}    IN    &{SOCKET_EXPIRIES}
        Should Be Equal    ${{ datetime.datetime.fromisoformat($expiry).timestamp() }}    ${{ float($claims['exp']) }}
        ...    the ${alias} names another moment
    END

Get End Of Session
    [Documentation]    When the session ends by auth's record, in seconds since the epoch.
    ${record} =    Get Session Record    ${SESSION}
    RETURN    ${{ datetime.datetime.fromisoformat($record['expires_at']).timestamp() }}

Wait Until Session Has Expired
    [Documentation]    Waits until the clock has passed the end that auth's record names.
    ${end} =    Get End Of Session
    Wait Until Keyword Passes    30s    Should Be True    time.time() > ${end}    the end has not come

Every Socket Should Have Closed At Expiry
    [Documentation]    Each endpoint's socket was closed with 4001, not before its token's ``exp`` and within two seconds of it.
    ${claims} =    Read Token Claims    ${TOKEN}
    FOR    ${alias}    IN    @{SOCKET_EXPIRIES}
        Open Socket Should Be Closed With    4001    ${alias}    within=20s
        ${closed_at} =    Get Close Time    ${alias}
        Should Be True    $closed_at >= $claims['exp']    the ${alias} was closed ${{ $claims['exp'] - $closed_at }} s before the expiry
        Value Should Be Within Budget    close of ${alias} after expiry    ${{ $closed_at - $claims['exp'] }}    2s
    END

Row And Audit Trail Should Report Expiry
    [Documentation]    They come to, where another sweep was at it.
    Wait Until Keyword Passes    5s    Session Row Should Be    ${SESSION.session_id}    expired
    ${events} =    Get Session Events    ${SESSION}
    Should Be Equal    ${{ [event['type'] for event in $events] }}    ${{ ['created', 'expired'] }}    the audit trail
