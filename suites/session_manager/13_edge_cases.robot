*** Settings ***
Documentation       What seldom happens: a Redis that fails amid the work, stored data that is damaged, metadata in any script and of any
...                 size. Sources: docs/protocol.md §1 (errors) and §2.5 (quarantine, Redis away), RFC 8259 §8 (texts of JSON), Unicode
...                 Standard Annex 15 (equivalent texts that are not the same), OWASP ASVS 5.0 16.5.2 (secure while a resource fails).
Library             String
Library             BudgetLibrary
Resource            platform.resource
Resource            auth.resource
Resource            sessions.resource
Suite Setup         Open Private Platform    backends=1
Suite Teardown      Leave Platform
Test Tags           session-manager    p1    needs:db.auth    needs:redis    needs:session.admin


*** Variables ***
${MEBIBYTE}                         ${1048576}
${WITH_A_NUMBER_FOR_ITS_USER}       {"session_id": "<id>", "metadata": {}, "status": "active", "user_id": 7}


*** Test Cases ***
Sessions Go On When Redis Dies
    [Tags]    id:M13-01    req:M13.1    needs:control.kill
    Create Session And One To End
    Kill Service    redis
    Work Should Go On Without Redis
    Locks Should Be Refused
    Auth Should See Its Dependencies    database=up    redis=down
    Start Service    redis
    Redis Should Find Session Again
    Stores Should Agree On Session
    [Teardown]    Restore Redis For Auth

A Redis That Returns Outdated Revives No Session
    [Tags]    id:M13-02    req:M13.1    proto:2.5.47    proto:2.5.48    extra    needs:control.pause
    Create Session And One To End
    Pause Service    redis
    Work Should Go On Without Redis
    Resume Service    redis
    Redis Should Find Session Again
    Session Token Should Be Invalid    ${ENDED}    reason=revoked
    Redis Should Hold Nothing Of Session    ${ENDED}
    Service Should Refuse Token    auth    /users/me    ${ENDED.access_token}    session_revoked
    Stores Should Agree On Session
    [Teardown]    Restore Redis For Auth

A Redis That Missed Writes Is Not Trusted
    [Documentation]    It answers, but takes no writes: out of memory, read-only, or without the replicas that it must have.
    [Tags]    id:M13-03    req:M13.1    req:M06.4    proto:2.5.53    extra
    Create Session And One To End
    Configure Redis    min-replicas-to-write    1
    ${renewed} =    Refresh Session Token    ${SESSION}
    Refresh And Revoke Session    ${ENDED}
    Session Token Should Be Invalid    ${ENDED}    reason=not_found
    Session Token Should Be Invalid    ${SESSION}    reason=not_found
    Configure Redis    min-replicas-to-write    0
    Redis Should Find Session Again    ${renewed}[session_token]
    Redis Should Hold Nothing Of Session    ${ENDED}
    Redis Key Should Exist    session:revoked:${ENDED.session_id}
    [Teardown]    Restore Redis Writes

The Row Replaces Damaged Data In Redis
    [Tags]    id:M13-04    req:M13.2    proto:2.5.36    proto:2.5.37    needs:control.logs
    Create User Without Session
    Run Case    no JSON    Damage Should Be Put Aside    not JSON
    Run Case    half a document    Damage Should Be Put Aside    {"revision": 1, "session_id": "
    Run Case    a list    Damage Should Be Put Aside    []
    Run Case    nothing    Damage Should Be Put Aside    ${EMPTY}
    Run Case    an empty document    Damage Should Be Put Aside    {}
    Run Case    a user who is a number    Damage Should Be Put Aside    ${WITH_A_NUMBER_FOR_ITS_USER}
    Run Case    deep nesting    Damage Should Be Put Aside    ${{ '[' * 20000 }}
    Run Case    another's document    Foreign Document Should Be Put Aside

Damaged Data Without A Row Admits Nobody
    [Tags]    id:M13-05    req:M13.2    proto:2.5.06    proto:2.5.35    extra
    Create User With Session
    ${document} =    Get Redis Value    session:${SESSION.session_id}
    Delete At    auth    /admin/users/${USER_ID}    ${SERVICE_TOKEN}
    ${key} =    Get Redis Key Of Session Token    ${SESSION.session_token}
    Set Redis Value    ${key}    ${SESSION.session_id}
    Set Redis Value    session:${SESSION.session_id}    ${document}[:-40]
    Session Token Should Be Invalid    ${SESSION}    reason=malformed
    Get Redis Value    quarantine:session:${SESSION.session_id}    ==    ${document}[:-40]
    Session Token Should Be Invalid    ${SESSION}    reason=not_found

Damage That A Bearer Meets Is Reported Like Any Other
    [Tags]    id:M13-06    req:M13.2    proto:2.5.37    extra
    Create User With Session
    Set Redis Value    session:${SESSION.session_id}    damaged
    Get From    auth    /users/me    ${SESSION.access_token}
    Damage Should Have Been Reported    ${SESSION}    damaged
    Stores Should Agree On Session

Metadata In Any Script Is Kept Sign For Sign
    [Tags]    id:M13-07    req:M13.3
    ${metadata} =    Make Metadata In Many Scripts
    Create User With Session    metadata=${metadata}
    Metadata Should Be    ${metadata}
    Record Session Activity    ${SESSION}
    Delete Session From Redis
    ${found} =    Session Token Should Be Valid    ${SESSION}    source=database
    Should Be Equal    ${found}[metadata]    ${metadata}    the database gives back other metadata
    Metadata Should Be    ${metadata}

Metadata That No Store Holds Is Refused
    [Tags]    id:M13-08    req:M13.3    extra
    Create User Without Session
    Metadata Text Should Be Refused    {"nul": "\\u0000"}
    Metadata Text Should Be Refused    {"half a pair": "\\ud83d"}
    Metadata Text Should Be Refused    {"no number": NaN}
    Metadata Text Should Be Refused    {"unending": Infinity}
    Metadata Text Should Be Refused    ["no object"]
    Auth Should Hold Session Count    ${USER_ID}    0

Metadata May Have One Mebibyte And No More
    [Tags]    id:M13-09    req:M13.4    proto:2.4.10    proto:2.5.39
    ${metadata} =    Make Metadata Of Bytes    ${MEBIBYTE}
    Create User With Session    metadata=${metadata}
    Metadata Should Be    ${metadata}
    Record Session Activity    ${SESSION}
    Metadata Should Be    ${metadata}
    ${larger} =    Make Metadata Of Bytes    ${MEBIBYTE + 1}
    Metadata Should Be Too Large    /admin/sessions    ${larger}    user_id=${USER_ID}    type=WEB
    Auth Should Hold Session Count    ${USER_ID}    1

A Migration Adds No More Metadata Than May Be Kept
    [Tags]    id:M13-10    req:M13.4    proto:2.4.10    proto:2.5.39    extra
    ${half} =    Make Metadata Of Bytes    ${MEBIBYTE // 2 + 20}    half
    Create User With Session    metadata=${half}
    ${other} =    Make Metadata Of Bytes    ${MEBIBYTE // 2 + 20}    other
    Metadata Should Be Too Large    /admin/sessions/${SESSION.session_id}/migrate    ${other}
    Session Token Should Be Valid    ${SESSION}
    Auth Should Hold Session Count    ${USER_ID}    1

A Login With Oversized Metadata Is Refused
    [Tags]    id:M13-11    req:M13.4    extra
    Sign In New User
    ${large} =    Make Metadata Of Bytes    ${MEBIBYTE + 1}
    Metadata Should Be Too Large    /auth/login    ${large}    email=${USER.email}    password=${USER.password}
    ${huge} =    Make Metadata Of Bytes    ${MEBIBYTE * 3}
    Metadata Should Be Too Large    /admin/sessions    ${huge}    user_id=${USER.id}    type=WEB
    Auth Should Hold Session Count    ${USER.id}    1


*** Keywords ***
Create Session And One To End
    [Documentation]    Two sessions of a new user that Redis knows: sets ``SESSION`` and ``ENDED``.
    Create User With Session
    ${doomed} =    Create Managed Session    ${USER_ID}
    VAR    ${ENDED}    ${doomed}    scope=TEST

Refresh And Revoke Session
    [Documentation]    Two changes of one session, neither of which Redis may know of yet.
    [Arguments]    ${session}
    Refresh Session Token    ${session}
    Revoke Session    ${session}

Restore Redis Writes
    [Documentation]    For a teardown: Redis refuses nothing, and auth trusts it.
    Configure Redis    min-replicas-to-write    0
    Restore Redis For Auth

Work Should Go On Without Redis
    [Documentation]    With Redis away sessions are judged, made, kept alive, refreshed, moved, listed, counted, swept and ended, and
    ...    nothing waits for it.
    Start Budget    M13 work without Redis
    Session Token Should Be Valid    ${SESSION}    source=database
    Create And Change Sessions
    List And Count Sessions
    Revoke Session    ${ENDED}
    Session Token Should Be Invalid    ${ENDED}    reason=revoked    source=database
    Budget Should Hold    M13 work without Redis

Create And Change Sessions
    [Documentation]    A further session is made, refreshed and moved, and the current one is kept alive.
    ${record} =    Record Session Activity    ${SESSION}
    Should Be Equal    ${record}[access_count]    ${1}    the activity was not counted
    ${further} =    Create Managed Session    ${USER_ID}    type=MOBILE
    ${refreshed} =    Refresh Session Token    ${further}
    Session Token Should Be Invalid    ${further}    reason=not_found    source=database
    Session Token Should Be Valid    ${refreshed}[session_token]    source=database
    ${moved} =    Migrate Session    ${further}
    Session Token Should Be Valid    ${moved}    source=database
    VAR    ${MOVED}    ${moved}    scope=TEST

List And Count Sessions
    [Documentation]    The list has the user's active sessions, a sweep finds nothing that it could not do, and the figures are reported.
    ${active} =    List User Sessions    ${USER_ID}
    VAR    @{wanted}    ${SESSION.session_id}    ${ENDED.session_id}    ${MOVED.session_id}
    Should Be Equal    ${{ [one['session_id'] for one in $active] }}    ${wanted}    the active sessions
    ${swept} =    Clean Up Sessions
    Should Be Equal    ${swept}[errors]    ${swept}[expired]    a sweep without Redis reports other errors
    ${figures} =    Get Session Analytics
    Should Be True    ${figures}[active] >= 3    the figures report ${figures}[active] active sessions

Locks Should Be Refused
    [Documentation]    No lock is given out without Redis: two might hold it.
    VAR    &{body}    ttl=${5}
    ${response} =    Post To    auth    /admin/locks/edge    ${body}    ${SERVICE_TOKEN}    status=503
    Answer Should Be Problem    ${response}    redis_unavailable

Damage Should Be Put Aside
    [Documentation]    A session whose document is replaced by this text, with its id filled in, is valid by its row, the text is put aside
    ...    and reported, and Redis holds the session again.
    [Arguments]    ${damage}
    ${session} =    Create Managed Session    ${USER_ID}
    VAR    ${damage}    ${{ $damage.replace('<id>', $session.session_id) }}
    Set Redis Value    session:${session.session_id}    ${damage}
    ${found} =    Session Token Should Be Valid    ${session}    source=database
    Should Be Equal    ${found}    ${session.record}    the row gives another session than was made
    Damage Should Have Been Reported    ${session}    ${damage}
    Session Token Should Be Valid    ${session}    source=redis

Foreign Document Should Be Put Aside
    [Documentation]    As `Damage Should Be Put Aside`, with the whole document of another user's session.
    ${other} =    Create User
    ${document} =    Get Redis Value    session:${other.session_id}
    Damage Should Be Put Aside    ${document}

Damage Should Have Been Reported
    [Documentation]    The damaged text is kept aside for a day, the session's audit trail reports it, and so does auth's log.
    [Arguments]    ${session}    ${damage}
    VAR    ${aside}    quarantine:session:${session.session_id}
    ${kept} =    Get Redis Value    ${aside}
    Should Be True    $kept == $damage    another text than the damaged one was put aside
    Get Redis Ttl    ${aside}    validate    86000 < value <= 86400    message=what was put aside is not kept for a day
    ${events} =    Get Session Events    ${session}
    Should Be Equal    ${{ [event['type'] for event in $events] }}    ${{ ['created', 'quarantined'] }}    the audit trail
    ${log} =    Get Service Log    auth
    ${lines} =    Get Lines Containing String    ${log}    session_document_quarantined
    Should Contain    ${lines}    ${session.session_id}    auth's log does not report the damaged document

Make Metadata In Many Scripts
    [Documentation]    Metadata with combining marks beside composed letters, emoji of several signs, right-to-left text with its controls,
    ...    letters that change when they are normalized or folded, and signs beyond the first plane; in names and in values.
    VAR    @{list}    \u0627\u0644\u0639\u0631\u0628\u064a\u0629    \u202e\u05e2\u05d1\u05e8\u05d9\u05ea\u202c    \u200f!
    VAR    &{metadata}
    ...    caf\u00e9=composed
    ...    cafe\u0301=combining
    ...    marks=Z\u0351\u036b\u0343a\u0325\u030alg\u0328o\u0321\u0321
    ...    hangul=\u1112\u1161\u11ab \ud55c
    ...    ligature=\ufb03 \u212b \u2460 \u0130\u0131
    ...    emoji=\U0001F469\u200D\U0001F469\u200D\U0001F467 \U0001F3F3\uFE0F\u200D\U0001F308 \U0001F1F1\U0001F1F9
    ...    \U0001F511=key
    ...    right to left=${list}
    ...    odd signs=\u0001\u001f\u007f\u2028\ufeff\ufffd\uffff\U0010FFFF"\\/
    RETURN    ${metadata}

Metadata Text Should Be Refused
    [Documentation]    A session with this text as its metadata is refused as a bad request.
    [Arguments]    ${text}
    ${headers} =    Make Request Headers    token=${SERVICE_TOKEN}    Content-Type=application/json
    ${response} =    POST On Session    auth    /admin/sessions    headers=${headers}    expected_status=anything
    ...    data={"user_id": "${USER_ID}", "type": "WEB", "metadata": ${text}}
    Should Be Equal As Integers    ${response.status_code}    400    the answer to metadata ${text}: ${response.text}
    Answer Should Be Problem    ${response}    invalid_request

Make Metadata Of Bytes
    [Documentation]    Metadata of one member with this name that takes so many bytes as JSON.
    [Arguments]    ${bytes: int}    ${name}=text
    RETURN    ${{ {$name: 'x' * ($bytes - len(json.dumps({$name: ''}))) } }}

Metadata Should Be Too Large
    [Documentation]    A call with this metadata is refused with 413, and the answer says how much would have been allowed.
    [Arguments]    ${path}    ${metadata}    &{fields}
    ${body} =    Make Request Body    &{fields}    metadata=${metadata}
    ${response} =    Post To    auth    ${path}    ${body}    ${SERVICE_TOKEN}    status=anything
    Should Be Equal As Integers    ${response.status_code}    413    the answer to too much metadata at ${path}
    Answer Should Be Problem    ${response}    payload_too_large
    Should Match Regexp    ${response.json()}[detail]    has at most \\d+ bytes    the answer does not say how much is allowed
