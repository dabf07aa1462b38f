*** Settings ***
Documentation       Who uses their session keeps it, up to its absolute end and never past it; what has ended cannot be kept alive.
...                 Sources: docs/protocol.md §2.5, OWASP ASVS 5.0 7.3.1 and 7.3.2 (inactivity time-out, absolute lifetime).
Library             BudgetLibrary
Resource            sessions.resource
Library             ProbeLibrary
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Tags           session-manager    p0    needs:session.admin    needs:redis    needs:db.auth


*** Test Cases ***
An Activity Is Recorded In Every Store
    [Tags]    id:M04-01    req:M04.1
    Create User With Session
    Move Session Into Past    10s
    ${before} =    Get Session Row    ${SESSION.session_id}
    ${record} =    Record Session Activity    ${SESSION}
    Only These Columns Should Have Changed    ${before}    access_count    idle_expires_at    last_activity    revision
    Last Activity Should Be Later    ${before}    10s
    Should Be Equal    ${record}[status]    active
    Stores Should Agree On Session

The Access Count Grows Only With Activities
    [Tags]    id:M04-02    req:M04.2    proto:2.5.10
    Create User With Session
    Access Count Should Be    0
    Each Activity Should Count One    1    2    3
    Session Token Should Be Valid    ${SESSION}    source=redis
    List User Sessions    ${USER_ID}
    Refresh Session Token    ${SESSION}
    Access Count Should Be    3

Twenty Parallel Activities Are All Counted
    [Tags]    id:M04-03    req:M04.2    extra
    Create User With Session
    ${counts} =    Record Twenty Activities At Once
    Should Be Equal    ${counts}    ${{ list(range(1, 21)) }}    activities were counted otherwise than one after another
    Access Count Should Be    20

An Activity Starts The Idle Time Again
    [Tags]    id:M04-04    req:M04.3    proto:2.5.27
    Create User With Session    idle_ttl=10min    absolute_ttl=1h
    Move Session Into Past    8min
    Get Redis Ttl    session:${SESSION.session_id}    <=    ${{ 2 * 60 }}
    Record Session Activity    ${SESSION}
    Get Redis Ttl    session:${SESSION.session_id}    >    ${{ 5 * 60 }}    message=Redis did not start the session's time again
    Session Should Be Left To Live    idle=10min    absolute=1h
    Stores Should Agree On Session
    Move Session Into Past    8min
    Session Token Should Be Valid    ${SESSION}    source=redis

No Activity Extends The Absolute Lifetime
    [Tags]    id:M04-05    req:M04.3    extra
    Create User With Session    idle_ttl=10min    absolute_ttl=15min
    Move Session Into Past    8min
    Record Session Activity    ${SESSION}
    Absolute Expiry Should Bound Session    15min
    Get Redis Ttl    session:${SESSION.session_id}    <=    ${{ 7 * 60 }}    message=in Redis the session lives longer than it may at most
    Stores Should Agree On Session
    Move Session Into Past    8min
    Session Token Should Be Invalid    ${SESSION}    expired
    Session Manager Should Refuse    ${SESSION.session_id}/activity    409    session_expired

An Idle Session Ends At Its Idle Expiry
    [Tags]    id:M04-06    req:M04.3    extra
    Create User With Session    idle_ttl=500ms    absolute_ttl=60s
    Session Should Become Expired
    Redis Key Should Not Exist    session:${SESSION.session_id}    within=5s
    Session Manager Should Refuse    ${SESSION.session_id}/activity    409    session_expired
    Session Should Be Left To Live    idle=500ms    absolute=60s

An Active Session Ends At Its Absolute Expiry
    [Tags]    id:M04-07    req:M04.3    extra
    Create User With Session    idle_ttl=60s    absolute_ttl=1s
    Use Session Until It Is Expired
    Redis Key Should Not Exist    session:${SESSION.session_id}    within=5s
    Session Token Should Be Invalid    ${SESSION}    expired    source=database
    Absolute Expiry Should Bound Session    1s

An Activity Is Refused Where No Session Can Be Meant
    [Tags]    id:M04-08    req:M04.4    proto:2.5.41
    ${unknown} =    Get Random UUID
    Session Manager Should Refuse    ${unknown}/activity    404    not_found
    Session Manager Should Refuse    no-session/activity    400    invalid_request
    Session Manager Should Refuse    0/activity    400    invalid_request
    ${response} =    Post To    auth    /admin/sessions/${unknown}/activity    ${{ {} }}    status=401
    Answer Should Challenge For Token    ${response}

An Activity Does Not Revive An Ended Session
    [Tags]    id:M04-09    req:M04.4    proto:2.5.43    extra
    Create User With Session    idle_ttl=10min
    ${revoked} =    Create Managed Session    ${USER_ID}
    Revoke Session    ${revoked}
    Move Session Into Past    11min
    Activity Should Be Refused And Change Nothing    ${revoked}    session_revoked
    Activity Should Be Refused And Change Nothing    ${SESSION}    session_expired


*** Keywords ***
Last Activity Should Be Later
    [Documentation]    The row's last activity is at least so much later than in the row before.
    [Arguments]    ${before}    ${time}
    ${seconds} =    Convert Time    ${time}
    ${row} =    Get Session Row    ${SESSION.session_id}
    VAR    ${later}    ${{ ($row['last_activity'] - $before['last_activity']).total_seconds() }}
    Should Be True    ${later} >= ${seconds}    the last activity moved by ${later} s

Access Count Should Be
    [Documentation]    The row counts so many accesses, and the stores agree with it.
    [Arguments]    ${count: int}
    ${row} =    Get Session Row    ${SESSION.session_id}
    Should Be Equal    ${row}[access_count]    ${count}    the row counts other accesses
    Stores Should Agree On Session

Each Activity Should Count One
    [Documentation]    So many activities, each answered with the next of these counts.
    [Arguments]    @{counts}
    FOR    ${count}    IN    @{counts}
        ${record} =    Record Session Activity    ${SESSION}
        Should Be Equal As Integers    ${record}[access_count]    ${count}    the activity was counted otherwise
    END

Record Twenty Activities At Once
    [Documentation]    Twenty activities of one session at one instant; returns the counts that they were answered with, sorted.
    VAR    &{request}    method=POST    url=${AUTH_URL}/admin/sessions/${SESSION.session_id}/activity    token=${SERVICE_TOKEN}
    ${replies} =    Send At Once    ${{ [$request] * 20 }}
    VAR    ${refused}    ${{ [(reply.status, reply.error or reply.text) for reply in $replies if reply.status != 200] }}
    Should Be Empty    ${refused}    activities were refused: ${refused}
    RETURN    ${{ sorted(reply.json['access_count'] for reply in $replies) }}

Session Should Become Expired
    [Documentation]    The session manager, asked by nothing but its token, comes to call the session expired.
    Wait Until Keyword Passes    20s    Session Token Should Be Invalid    ${SESSION}    expired

Use Session Until It Is Expired
    [Documentation]    Activity after activity, until one is refused because the session has expired.
    Wait Until Keyword Passes    20s    Session Manager Should Refuse    ${SESSION.session_id}/activity    409    session_expired

Activity Should Be Refused And Change Nothing
    [Documentation]    The refused activity leaves the row as it is and brings nothing back to Redis.
    [Arguments]    ${session}    ${code}
    ${before} =    Get Session Row    ${session.session_id}
    Session Manager Should Refuse    ${session.session_id}/activity    409    ${code}
    Only These Columns Should Have Changed    ${before}
    Redis Key Should Not Exist    session:${session.session_id}
