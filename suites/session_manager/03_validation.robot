*** Settings ***
Documentation       A session token is good as long as its session lives and not a moment longer, whichever store is asked; the database,
...                 asked while Redis is away, judges as Redis would have. Sources: docs/protocol.md §2.5, OWASP ASVS 5.0 7.2.1 (tokens are
...                 verified by the backend), 7.3.1 and 7.3.2 (idle and absolute timeout), 7.4.1 (no use of an ended session).
Library             BudgetLibrary
Resource            platform.resource
Resource            auth.resource
Resource            sessions.resource
Suite Setup         Open Private Platform    backends=1
Suite Teardown      Leave Platform
Test Tags           session-manager    p0    needs:db.auth    needs:redis    needs:session.admin


*** Test Cases ***
A Live Session Is Valid In Every Store
    [Tags]    id:M03-01    req:M03.1    proto:2.5.05    proto:2.5.54
    Create User With Session    device=laptop    metadata=${{ {'tab': 3} }}
    ${by_redis} =    Session Token Should Be Valid    ${SESSION}    source=redis
    Delete Session From Redis
    ${by_database} =    Session Token Should Be Valid    ${SESSION}    source=database
    Should Be Equal    ${by_redis}    ${SESSION.record}    Redis reports another session than was made
    Should Be Equal    ${by_database}    ${SESSION.record}    the database reports another session than was made
    Session Token Should Be Valid    ${SESSION}    source=redis
    Stores Should Agree On Session

An Expired Session Is Invalid Before Any Clean-up
    [Tags]    id:M03-02    req:M03.2    sec:S06
    Create User With Session    idle_ttl=1s
    Session Token Should Become Invalid    expired
    Session Row Should Be    ${SESSION.session_id}    active
    Redis Key Should Not Exist    session:${SESSION.session_id}
    Access Token Should Be Refused As    session_expired

An Active Session Is Invalid Past Its Absolute End
    [Tags]    id:M03-03    req:M03.2    extra    sec:S06
    Create User With Session    idle_ttl=1h    absolute_ttl=2h
    Move Session Into Past    59 min
    Record Session Activity    ${SESSION}
    Move Session Into Past    59 min
    Record Session Activity    ${SESSION}
    Session Token Should Be Valid    ${SESSION}
    Move Session Into Past    3 min
    Session Token Should Be Invalid    ${SESSION}    reason=expired    source=database

A Revoked Session Is Invalid At Once, With Reason
    [Tags]    id:M03-04    req:M03.3    proto:2.5.02    proto:2.5.06    sec:S03
    Create User With Session
    Session Token Should Be Valid    ${SESSION}    source=redis
    Revoke Session    ${SESSION}    reason=stolen
    Session Token Should Be Invalid    ${SESSION}    reason=revoked
    ${judged} =    Validate Session Token    ${SESSION}
    Should Be Equal    ${judged}[session][revoke_reason]    stolen    the reason of the revocation
    Redis Should Hold Nothing Of Session
    Access Token Should Be Refused As    session_revoked
    Refresh Should Be Refused With    ${SESSION.refresh_token}    invalid_grant

An Unknown Token Is Invalid And Reveals Nothing
    [Tags]    id:M03-05    req:M03.4
    Create User With Session
    Every Wrong Token Should Be Unknown
    Session Token Should Be Valid    ${SESSION}    source=redis

A Session That Was Never Made Has No Record
    [Tags]    id:M03-06    req:M03.4    extra
    ${unknown} =    Get Random UUID
    ${response} =    Get From    auth    /admin/sessions/${unknown}    ${SERVICE_TOKEN}    status=404
    Answer Should Be Problem    ${response}    not_found

A Malformed Token Is A Bad Request
    [Tags]    id:M03-07    req:M03.4    extra
    Session Manager Should Refuse    validate    400    invalid_request    session_token=${EMPTY}
    Session Manager Should Refuse    validate    400    invalid_request    session_token=${None}
    Session Manager Should Refuse    validate    400    invalid_request    session_token=${42}
    Session Manager Should Refuse    validate    400    invalid_request    session_token=${{ ['token'] }}
    Session Manager Should Refuse    validate    400    invalid_request    session_token=${{ 'a' * 10000 }}
    Session Manager Should Refuse    validate    400    invalid_request    token=misnamed

The Database Validates Sessions While Redis Is Dead
    [Tags]    id:M03-08    req:M03.5    req:M15    proto:2.5.05    proto:2.5.54    needs:control.kill
    Create Live And Ended Sessions
    Kill Service    redis
    Database Should Judge Sessions
    Every Record Should Come From Database
    Start Service    redis
    Redis Should Find Session Again    ${LIVE}
    Ended Sessions Should Stay Ended
    [Teardown]    Restore Redis For Auth

A Session Ended While Redis Is Frozen Stays Ended
    [Tags]    id:M03-09    req:M03.5    extra    needs:control.pause
    Create Sessions And Sessions To End
    Pause Service    redis
    End Sessions To End
    Database Should Judge Sessions
    Resume Service    redis
    Redis Should Find Session Again    ${LIVE}
    Ended Sessions Should Stay Ended
    [Teardown]    Restore Redis For Auth


*** Keywords ***
Session Token Should Become Invalid
    [Documentation]    The manager comes to refuse the session's token for this reason.
    [Arguments]    ${reason}
    Wait Until Keyword Passes    10s    Session Token Should Be Invalid    ${SESSION}    reason=${reason}    source=database

Access Token Should Be Refused As
    [Documentation]    Auth refuses the session's access token, for this reason or because it has expired itself.
    [Arguments]    ${code}
    ${response} =    Get From    auth    /users/me    ${SESSION.access_token}    status=401
    Should Be True    $response.json()['code'] in ($code, 'token_expired')    auth refuses the access token as ${response.json()}[code]

Every Wrong Token Should Be Unknown
    [Documentation]    Near misses of the session's token, its other secrets and its id are all unknown to the manager.
    ${wrong} =    List Wrong Session Tokens    ${SESSION}
    FOR    ${what}    ${token}    IN    &{wrong}
        Run Case    ${what}    Token Should Be Unknown    ${token}
    END

Token Should Be Unknown
    [Documentation]    The manager finds no session by this token, and shows none.
    [Arguments]    ${token}
    ${judged} =    Validate Session Token    ${token}
    VAR    &{wanted}    valid=${False}    reason=not_found    source=database    session=${None}
    Should Be Equal    ${judged}    ${wanted}    the manager's judgement

Create Sessions And Sessions To End
    [Documentation]    Sessions of one user: sets ``LIVE``, ``REVOKED``, ``REFRESHED`` and ``EXPIRED``.
    Create User Without Session
    VAR    &{metadata}    cart=${{ [{'sku': 'a-1', 'n': 2}] }}
    FOR    ${name}    IN    LIVE    REVOKED    REFRESHED    EXPIRED
        ${session} =    Create Managed Session    ${USER_ID}    metadata=${metadata}    device=${name}
        VAR    ${${name}}    ${session}    scope=TEST
    END

End Sessions To End
    [Documentation]    Ends each of these sessions in its way, but for the live one; sets ``NEW_TOKEN``, that of the refreshed one.
    Revoke Session    ${REVOKED}
    ${refreshed} =    Refresh Session Token    ${REFRESHED}
    VAR    ${NEW_TOKEN}    ${refreshed}[session_token]    scope=TEST
    Move Row Into Past    2 days    ${EXPIRED}

Create Live And Ended Sessions
    [Documentation]    A live session, a revoked one, one whose token was refreshed away, and an expired one.
    Create Sessions And Sessions To End
    End Sessions To End

Database Should Judge Sessions
    [Documentation]    Asked of the database: the live session and the new token are good; all the rest is over, each for its reason.
    Session Token Should Be Valid    ${LIVE}    source=database
    Session Token Should Be Valid    ${NEW_TOKEN}    source=database
    Session Token Should Be Invalid    ${REVOKED}    reason=revoked    source=database
    Session Token Should Be Invalid    ${REFRESHED}    reason=not_found    source=database
    Session Token Should Be Invalid    ${EXPIRED}    reason=expired    source=database
    Session Token Should Be Invalid    no such token    reason=not_found    source=database

Every Record Should Come From Database
    [Documentation]    The database reports the live session all that was answered when it was made, its metadata among it.
    ${record} =    Session Token Should Be Valid    ${LIVE}    source=database
    Should Be Equal    ${record}    ${LIVE.record}    the database reports another session than was made

Ended Sessions Should Stay Ended
    [Documentation]    With Redis back, ended sessions and the token that was refreshed away are as dead as before.
    Session Token Should Be Invalid    ${REVOKED}    reason=revoked
    Session Token Should Be Invalid    ${REFRESHED}    reason=not_found
    Session Token Should Be Valid    ${NEW_TOKEN}
    Redis Should Hold Nothing Of Session    ${REVOKED}
