*** Settings ***
Documentation       A refresh gives a new token in the place of the old one, which is dead at once; the session and its user stay the
...                 same, and its time is extended where that is wanted, never past its absolute end.
...                 Sources: docs/protocol.md §2.3 and §2.5, RFC 9700 §4.14 (refresh token rotation), OWASP ASVS 5.0 7.2.4 and 7.3.2.
Resource            sessions.resource
Resource            auth.resource
Library             ProbeLibrary
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Tags           session-manager    p0    needs:session.admin    needs:redis    needs:db.auth


*** Test Cases ***
A Refresh With Extension Starts The Idle Time Again
    [Tags]    id:M05-01    req:M05.1
    Create User With Session    idle_ttl=10min    absolute_ttl=1h
    Move Session Into Past    8min
    ${renewed} =    Refresh Session Token    ${SESSION}    extend=True
    Get Redis Ttl    session:${SESSION.session_id}    >    ${{ 5 * 60 }}    message=Redis did not start the session's time again
    Session Should Be Left To Live    idle=10min    absolute=1h
    Stores Should Agree On Session
    Move Session Into Past    8min
    Session Token Should Be Valid    ${renewed}[session_token]

A Token Pair Refresh Starts The Idle Time Again
    [Documentation]    It is all that a browser or an app does for its session.
    [Tags]    id:M05-02    req:M05.1    proto:2.4.12    extra
    Create User With Session    idle_ttl=10min    absolute_ttl=1h
    Move Session Into Past    8min
    Refresh Tokens Of    ${SESSION}
    Get Redis Ttl    session:${SESSION.session_id}    >    ${{ 5 * 60 }}    message=Redis did not start the session's time again
    Session Should Be Left To Live    idle=10min    absolute=1h
    Stores Should Agree On Session
    Move Session Into Past    8min
    Session Token Should Be Valid    ${SESSION}

No Refresh Extends The Absolute Lifetime
    [Tags]    id:M05-03    req:M05.1    extra
    Create User With Session    idle_ttl=10min    absolute_ttl=15min
    Move Session Into Past    8min
    Refresh Tokens Of    ${SESSION}
    ${renewed} =    Refresh Session Token    ${SESSION}    extend=True
    Absolute Expiry Should Bound Session    15min
    Get Redis Ttl    session:${SESSION.session_id}    <=    ${{ 7 * 60 }}    message=in Redis the session lives longer than it may at most
    Stores Should Agree On Session
    Move Session Into Past    8min
    Session Token Should Be Invalid    ${renewed}[session_token]    expired

A Refresh Without Extension Moves No Expiry
    [Tags]    id:M05-04    req:M05.2
    Create User With Session    idle_ttl=10min    absolute_ttl=1h
    Move Session Into Past    8min
    ${before} =    Get Session Row    ${SESSION.session_id}
    ${renewed} =    Refresh Session Token    ${SESSION}    extend=False
    Only These Columns Should Have Changed    ${before}    last_activity    refresh_count    revision    token_hash
    Get Redis Ttl    session:${SESSION.session_id}    <=    ${{ 2 * 60 }}    message=in Redis the session lives longer than it had left
    Stores Should Agree On Session
    Move Session Into Past    3min
    Session Token Should Be Invalid    ${renewed}[session_token]    expired

A Refresh Replaces The Session Token
    [Tags]    id:M05-05    req:M05.3    proto:2.5.07
    Create User With Session
    ${renewed} =    Refresh Session Token    ${SESSION}
    Session Token Should Be Invalid    ${SESSION}    not_found
    Only New Session Token Should Be Stored    ${renewed}[session_token]
    ${record} =    Session Token Should Be Valid    ${renewed}[session_token]    source=redis
    Should Be Equal    ${record}[session_id]    ${SESSION.session_id}    the new token belongs to another session
    Session Manager Should Refuse    refresh    404    not_found    session_token=${SESSION.session_token.value}
    Session Token Should Be Valid    ${renewed}[session_token]

Refreshes Within One Second Never Give The Same Token Twice
    [Tags]    id:M05-06    req:M05.3    extra
    Create User With Session
    Tokens Of Refreshes In A Row Should All Differ    5
    Stores Should Agree On Session

One Of Twenty Parallel Refreshes Wins
    [Tags]    id:M05-07    req:M05.3    extra
    Create User With Session
    ${last} =    One Of Twenty Refreshes Should Win    times=5
    Refresh Count Should Be    5
    Session Token Should Be Valid    ${last}    source=redis
    Session Token Should Be Invalid    ${SESSION}    not_found
    Only New Session Token Should Be Stored    ${last}

A Spent Refresh Token Ends Its Successors
    [Tags]    id:M05-08    req:M05.3    extra
    Create User With Session
    ${next} =    Refresh Tokens Of    ${SESSION}
    Refresh Should Be Refused With    ${SESSION.refresh_token}    invalid_grant
    Refresh Should Be Refused With    ${next}[refresh_token]    invalid_grant
    Service Should Refuse Token    auth    /users/me    ${next}[access_token]    session_revoked
    Session Token Should Be Invalid    ${SESSION}    revoked
    ${row} =    Get Session Row    ${SESSION.session_id}
    Should Be Equal    ${row}[revoke_reason]    refresh_reuse    the session ended for another reason

A Refresh Changes The Tokens And Nothing Of The Identity
    [Tags]    id:M05-09    req:M05.3    proto:2.4.11    extra
    Create User With Session    type=MOBILE
    ${bystander} =    Create User
    ${next} =    Refresh Tokens Of    ${SESSION}
    Tokens Should Name Same Session    ${SESSION.access_token}    ${next}[access_token]
    ${again} =    Refresh Tokens Of    ${next}
    Tokens Should Name Same Session    ${SESSION.access_token}    ${again}[access_token]
    ${me} =    Get From    auth    /users/me    ${again}[access_token]
    Should Be Equal    ${me.json()}[id]    ${USER_ID}    auth sees another user behind the refreshed token
    Own Sessions Should Be    ${bystander}

The Refresh Count Grows Only With Refreshes
    [Tags]    id:M05-10    req:M05.4    proto:2.5.08    proto:2.5.45
    Create User With Session
    ${first} =    Refresh Session Token    ${SESSION}    extend=True
    ${second} =    Refresh Session Token    ${first}[session_token]    extend=False
    Reported Refresh Counts Should Be    ${first}    1    ${second}    2
    Refresh Tokens Of    ${SESSION}
    Record Session Activity    ${SESSION}
    Session Token Should Be Valid    ${second}[session_token]
    Refresh Count Should Be    3

A Token Of No Session Cannot Be Refreshed
    [Tags]    id:M05-11    req:M05.5    proto:2.5.09    proto:2.5.41
    ${unknown} =    Get Random UUID
    Session Manager Should Refuse    refresh    404    not_found    session_token=${unknown}
    Session Manager Should Refuse    refresh    400    invalid_request    session_token=${EMPTY}
    Session Manager Should Refuse    refresh    400    invalid_request
    Refresh Should Be Refused With    ${unknown}    invalid_grant

A Session That Has Ended Cannot Be Refreshed
    [Tags]    id:M05-12    req:M05.5    proto:2.5.09    proto:2.5.42    extra
    Create User With Session    idle_ttl=10min
    ${revoked} =    Create Managed Session    ${USER_ID}
    Revoke Session    ${revoked}
    Move Session Into Past    11min
    Session Should Not Be Refreshable    ${revoked}    session_revoked
    Session Should Not Be Refreshable    ${SESSION}    session_expired


*** Keywords ***
Only New Session Token Should Be Stored
    [Documentation]    The row has the hash of this token, Redis leads from it to the session, and from the first token to nothing.
    [Arguments]    ${token}
    ${row} =    Get Session Row    ${SESSION.session_id}
    Should Be Equal    ${{ bytes($row['token_hash']) }}    ${{ hashlib.sha256($token.value.encode()).digest() }}
    ...    the row has the hash of another token
    ${old} =    Get Redis Key Of Session Token    ${SESSION.session_token}
    ${new} =    Get Redis Key Of Session Token    ${token}
    Redis Key Should Not Exist    ${old}
    Get Redis Value    ${new}    ==    ${SESSION.session_id}

Tokens Of Refreshes In A Row Should All Differ
    [Documentation]    Refreshes of the session token and of the token pair in turn; no token of any sort comes twice.
    [Arguments]    ${count}
    VAR    ${token}    ${SESSION.session_token}
    VAR    ${pair}    ${{ {'access_token': $SESSION.access_token.value, 'refresh_token': $SESSION.refresh_token.value} }}
    VAR    @{seen}    ${token.value}    ${pair}[access_token]    ${pair}[refresh_token]
    FOR    ${_}    IN RANGE    ${count}
        ${renewed} =    Refresh Session Token    ${token}
        VAR    ${token}    ${renewed}[session_token]
        ${pair} =    Refresh Tokens Of    ${pair}
        Append To List    ${seen}    ${token.value}    ${pair}[access_token]    ${pair}[refresh_token]
    END
    List Should Not Contain Duplicates    ${seen}    a token came twice

One Of Twenty Refreshes Should Win
    [Documentation]    Twenty refreshes with the session's token at one instant: one is granted, the others find no such token. So many
    ...    times over, each with the token that was won; returns the last.
    [Arguments]    ${times: int}
    VAR    ${token}    ${SESSION.session_token}
    FOR    ${_}    IN RANGE    ${times}
        ${token} =    Race For Next Token    ${token}
    END
    RETURN    ${token}

Race For Next Token
    [Documentation]    Twenty refreshes with one token at one instant; returns the token that one of them won.
    [Arguments]    ${token}
    VAR    &{body}    session_token=${token.value}
    VAR    &{request}    method=POST    url=${AUTH_URL}/admin/sessions/refresh    token=${SERVICE_TOKEN}    json=${body}
    ${replies} =    Send At Once    ${{ [$request] * 20 }}
    VAR    ${statuses}    ${{ sorted(str(reply.status) for reply in $replies) }}
    Should Be Equal    ${statuses}    ${{ ['200'] + ['404'] * 19 }}    of twenty refreshes with one token other than one won
    VAR    ${won}    ${{ [reply.json['session_token'] for reply in $replies if reply.status == 200] }}
    RETURN    ${{ robot.api.types.Secret($won[0]) }}

Tokens Should Name Same Session
    [Documentation]    Two access tokens are not equal, and all that they say but their times and ids is.
    [Arguments]    ${one}    ${other}
    ${before} =    Read Token Claims    ${one}
    ${after} =    Read Token Claims    ${other}
    Should Not Be Equal    ${after}[jti]    ${before}[jti]    the refresh gave the same token
    FOR    ${claim}    IN    iss    aud    sub    sid    email    roles    client_id    plan
        Should Be Equal    ${after}[${claim}]    ${before}[${claim}]    the refresh changed the claim ${claim}
    END

Own Sessions Should Be
    [Documentation]    The user still has their one session, with its own id.
    [Arguments]    ${user}
    ${listed} =    List User Sessions    ${user.id}
    Should Be Equal    ${{ [one['session_id'] for one in $listed] }}    ${{ [$user.session_id] }}    a bystander's sessions changed

Reported Refresh Counts Should Be
    [Documentation]    These answers of refreshes reported these counts.
    [Arguments]    ${first}    ${one: int}    ${second}    ${other: int}
    VAR    ${reported}    ${{ [$first['session']['refresh_count'], $second['session']['refresh_count']] }}
    Should Be Equal    ${reported}    ${{ [$one, $other] }}    refreshes reported other counts

Refresh Count Should Be
    [Documentation]    The row counts so many refreshes, the audit trail has as many, and the stores agree.
    [Arguments]    ${count: int}
    ${row} =    Get Session Row    ${SESSION.session_id}
    Should Be Equal    ${row}[refresh_count]    ${count}    the row counts other refreshes
    ${events} =    Get Session Events    ${SESSION}
    VAR    ${refreshed}    ${{ [event for event in $events if event['type'] == 'refreshed'] }}
    Length Should Be    ${refreshed}    ${count}    the audit trail has ${{ len($refreshed) }} refreshes, not ${count}
    Stores Should Agree On Session

Session Should Not Be Refreshable
    [Documentation]    Neither its session token nor its refresh token, and the attempts leave the row as it is.
    [Arguments]    ${session}    ${code}
    ${before} =    Get Session Row    ${session.session_id}
    Session Manager Should Refuse    refresh    409    ${code}    session_token=${session.session_token.value}
    Refresh Should Be Refused With    ${session.refresh_token}    invalid_grant
    Only These Columns Should Have Changed    ${before}
    Redis Key Should Not Exist    session:${session.session_id}
