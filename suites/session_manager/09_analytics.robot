*** Settings ***
Documentation       What the manager tells of all sessions is what counting their rows comes to: how many are active, of which type, of how
...                 many users, and what has become of the others. Source: docs/protocol.md §2.5.
Resource            sessions.resource
Library             PlatformLibrary
Suite Setup         Use A Private Platform    backends=1    SESSION_SWEEP=0
Suite Teardown      Leave The Platform
Test Setup          There Is No Session
Test Tags           session-manager    p1    needs:session.admin    needs:db.auth


*** Test Cases ***
The Active Total Counts Only Live Sessions
    [Tags]    id:M09-01    req:M09.1    needs:redis
    Sessions That Ended In Every Way
    Three Users With Sessions    WEB    WEB    MOBILE    API
    ${figures} =    Get Session Analytics
    Should Be Equal As Integers    ${figures}[active]    12    the active total
    Figures Should Be Those Of The Rows

Each Type Is Counted For Itself
    [Tags]    id:M09-02    req:M09.2    proto:2.5.16
    Sessions Of Each Type    WEB=1    MOBILE=2    API=3    SSO=4
    One Session Of Each Type That Was Revoked
    ${figures} =    Get Session Analytics
    Should Be Equal    ${figures}[by_type]    ${{ {'WEB': 1, 'MOBILE': 2, 'API': 3, 'SSO': 4} }}    active sessions by type
    Figures Should Be Those Of The Rows

All Figures Are Zero Without Sessions
    [Tags]    id:M09-03    req:M09.3
    Figures Should Be Those Of None    by_status=${{ {} }}
    Figures Should Be Those Of The Rows

Ended Sessions Are Reported And Not Active
    [Tags]    id:M09-04    req:M09.3    extra    needs:redis
    Sessions That Ended In Every Way
    Figures Should Be Those Of None    by_status=${{ {'revoked': 2, 'expired': 3} }}
    Figures Should Be Those Of The Rows

A User With Many Sessions Is One User
    [Tags]    id:M09-05    req:M09.1    proto:2.5.16    extra
    Three Users With Sessions    WEB    WEB    MOBILE
    ${figures} =    Get Session Analytics
    Should Be Equal As Integers    ${figures}[users]    3    users with an active session
    Figures Should Be Those Of The Rows

Figures Follow Every Change Of A Session
    [Tags]    id:M09-06    req:M09.2    extra    needs:redis
    A User With A Session    type=MOBILE    idle_ttl=1 hour
    Figures Should Tell Of    MOBILE=1
    ${sso} =    Migrate Session    ${SESSION}
    Figures Should Tell Of    SSO=1
    A User With A Session    type=API    idle_ttl=1 hour
    Figures Should Tell Of    SSO=1    API=1
    Let Time Pass For The Session    61 min
    Figures Should Tell Of    SSO=1
    Revoke Session    ${sso}
    Figures Should Tell Of

Figures Come From The Rows Also While Redis Is Dead
    [Tags]    id:M09-07    req:M09.1    extra    needs:redis    needs:control.kill
    Three Users With Sessions    WEB    API
    Kill Service    redis
    Three Users With Sessions    MOBILE
    Figures Should Tell Of    WEB=3    API=3    MOBILE=3
    Figures Should Be Those Of The Rows
    [Teardown]    Redis Is Back


*** Keywords ***
There Is No Session
    [Documentation]    Empties the table: what earlier tests made counts no more.
    Execute Sql String    DELETE FROM sessions    alias=auth

Three Users With Sessions
    [Documentation]    Three new users with active sessions of these types, each of them one of each.
    [Arguments]    @{types}
    FOR    ${_}    IN RANGE    3
        A User Without A Session
        FOR    ${type}    IN    @{types}
            Create Managed Session    ${USER_ID}    type=${type}
        END
    END

Sessions Of Each Type
    [Documentation]    So many active sessions of each type, each of another user.
    [Arguments]    &{counts}
    FOR    ${type}    ${count}    IN    &{counts}
        Repeat Keyword    ${count} times    A User With A Session    type=${type}
    END

One Session Of Each Type That Was Revoked
    [Documentation]    Four users whose only session was revoked.
    FOR    ${type}    IN    WEB    MOBILE    API    SSO
        A User With A Session    type=${type}
        Revoke Session    ${SESSION}
    END

Sessions That Ended In Every Way
    [Documentation]    Of five users one session each: revoked, logged out, swept, left idle too long, and too old however busy.
    A User With A Session
    Revoke Session    ${SESSION}
    A User With A Session
    Post To    auth    /auth/logout    ${{ {} }}    ${SESSION.access_token}    status=204
    A Session That Has Expired    idle_ttl=1 hour
    Clean Up Sessions
    A Session That Has Expired    idle_ttl=1 hour
    A Session That Has Expired    absolute_ttl=1 hour

A Session That Has Expired
    [Documentation]    A new user's session that was to live for an hour, 61 minutes ago.
    [Arguments]    &{lifetime}
    A User With A Session    &{lifetime}
    Let Time Pass For The Session    61 min

Figures Should Tell Of
    [Documentation]    So many active sessions of these types, none of any other, and their sum as the active total.
    [Arguments]    &{counts}
    ${figures} =    Get Session Analytics
    VAR    ${wanted}    ${{ {type: int(count) for type, count in $counts.items()} }}
    Should Be Equal    ${figures}[by_type]    ${wanted}    active sessions by type
    Should Be Equal As Integers    ${figures}[active]    ${{ sum($wanted.values()) }}    the active total

Figures Should Be Those Of None
    [Documentation]    Nobody is active, of no type; the ended are told by how they ended.
    [Arguments]    ${by_status}
    ${figures} =    Get Session Analytics
    VAR    &{none}    active=${0}    by_type=${{ {} }}    by_status=${by_status}    users=${0}
    Should Be Equal    ${figures}    ${{ dict($none) }}    the figures of no active session

Figures Should Be Those Of The Rows
    [Documentation]    All rows of ``sessions``, counted here one by one, come to what the manager tells. A session is past when either of
    ...    its expiries is, by PostgreSQL's clock.
    ${rows} =    Query
    ...    SELECT type, user_id, status, least(idle_expires_at, absolute_expires_at) <= now() AS past FROM sessions
    ...    alias=auth    return_dict=True
    VAR    ${ended}    ${{ ['expired' if r['past'] and r['status'] == 'active' else r['status'] for r in $rows] }}
    VAR    ${alive}    ${{ [row for row, status in zip($rows, $ended) if status == 'active'] }}
    VAR    ${types}    ${{ dict(collections.Counter(row['type'] for row in $alive)) }}
    VAR    ${users}    ${{ len({row['user_id'] for row in $alive}) }}
    VAR    ${statuses}    ${{ dict(collections.Counter($ended)) }}
    VAR    &{counted}    active=${{ len($alive) }}    by_type=${types}    by_status=${statuses}    users=${users}
    ${figures} =    Get Session Analytics
    Should Be Equal    ${figures}    ${{ dict($counted) }}    the manager's figures are not those of the rows
