*** Settings ***
Documentation       What the manager reports all sessions is what counting their rows comes to: how many are active, of which type, of how
...                 many users, and what has become of the others. Source: docs/protocol.md §2.5.
Resource            sessions.resource
Library             PlatformLibrary
Suite Setup         Open Private Platform    backends=1    SESSION_SWEEP=0
Suite Teardown      Leave Platform
Test Setup          Delete Every Session
Test Tags           session-manager    p1    needs:session.admin    needs:db.auth


*** Test Cases ***
The Active Total Counts Only Live Sessions
    [Tags]    id:M09-01    req:M09.1    needs:redis
    Create Sessions Ended In Every Way
    Create Three Users With Sessions    WEB    WEB    MOBILE    API
    ${figures} =    Get Session Analytics
    Should Be Equal As Integers    ${figures}[active]    12    the active total
    Figures Should Match Rows

Each Type Is Counted For Itself
    [Tags]    id:M09-02    req:M09.2    proto:2.5.16
    Create Sessions Of Each Type    WEB=1    MOBILE=2    API=3    SSO=4
    Create Revoked Session Of Each Type
    ${figures} =    Get Session Analytics
    Should Be Equal    ${figures}[by_type]    ${{ {'WEB': 1, 'MOBILE': 2, 'API': 3, 'SSO': 4} }}    active sessions by type
    Figures Should Match Rows

All Figures Are Zero Without Sessions
    [Tags]    id:M09-03    req:M09.3
    Figures Should Be Zero    by_status=${{ {} }}
    Figures Should Match Rows

Ended Sessions Are Reported And Not Active
    [Tags]    id:M09-04    req:M09.3    extra    needs:redis
    Create Sessions Ended In Every Way
    Figures Should Be Zero    by_status=${{ {'revoked': 2, 'expired': 3} }}
    Figures Should Match Rows

A User With Many Sessions Is One User
    [Tags]    id:M09-05    req:M09.1    proto:2.5.16    extra
    Create Three Users With Sessions    WEB    WEB    MOBILE
    ${figures} =    Get Session Analytics
    Should Be Equal As Integers    ${figures}[users]    3    users with an active session
    Figures Should Match Rows

Figures Follow Every Change Of A Session
    [Tags]    id:M09-06    req:M09.2    extra    needs:redis
    Create User With Session    type=MOBILE    idle_ttl=1 hour
    Figures Should Count    MOBILE=1
    ${sso} =    Migrate Session    ${SESSION}
    Figures Should Count    SSO=1
    Create User With Session    type=API    idle_ttl=1 hour
    Figures Should Count    SSO=1    API=1
    Move Session Into Past    61 min
    Figures Should Count    SSO=1
    Revoke Session    ${sso}
    Figures Should Count

Figures Come From The Rows Also While Redis Is Dead
    [Tags]    id:M09-07    req:M09.1    extra    needs:redis    needs:control.kill
    Create Three Users With Sessions    WEB    API
    Kill Service    redis
    Create Three Users With Sessions    MOBILE
    Figures Should Count    WEB=3    API=3    MOBILE=3
    Figures Should Match Rows
    [Teardown]    Restore Redis For Auth


*** Keywords ***
Delete Every Session
    [Documentation]    Empties the table: what earlier tests made counts no more.
    Execute Sql String    DELETE FROM sessions    alias=auth

Create Three Users With Sessions
    [Documentation]    Three new users with active sessions of these types, each of them one of each.
    [Arguments]    @{types}
    FOR    ${_}    IN RANGE    3
        Create User Without Session
        FOR    ${type}    IN    @{types}
            Create Managed Session    ${USER_ID}    type=${type}
        END
    END

Create Sessions Of Each Type
    [Documentation]    So many active sessions of each type, each of another user.
    [Arguments]    &{counts}
    FOR    ${type}    ${count}    IN    &{counts}
        Repeat Keyword    ${count} times    Create User With Session    type=${type}
    END

Create Revoked Session Of Each Type
    [Documentation]    Four users whose only session was revoked.
    FOR    ${type}    IN    WEB    MOBILE    API    SSO
        Create User With Session    type=${type}
        Revoke Session    ${SESSION}
    END

Create Sessions Ended In Every Way
    [Documentation]    Of five users one session each: revoked, logged out, swept, left idle too long, and too old however busy.
    Create User With Session
    Revoke Session    ${SESSION}
    Create User With Session
    Post To    auth    /auth/logout    ${{ {} }}    ${SESSION.access_token}    status=204
    Create Expired Session    idle_ttl=1 hour
    Clean Up Sessions
    Create Expired Session    idle_ttl=1 hour
    Create Expired Session    absolute_ttl=1 hour

Create Expired Session
    [Documentation]    A new user's session that was to live for an hour, 61 minutes ago.
    [Arguments]    &{lifetime}
    Create User With Session    &{lifetime}
    Move Session Into Past    61 min

Figures Should Count
    [Documentation]    So many active sessions of these types, none of any other, and their sum as the active total.
    [Arguments]    &{counts}
    ${figures} =    Get Session Analytics
    VAR    ${wanted}    ${{ {type: int(count) for type, count in $counts.items()} }}
    Should Be Equal    ${figures}[by_type]    ${wanted}    active sessions by type
    Should Be Equal As Integers    ${figures}[active]    ${{ sum($wanted.values()) }}    the active total

Figures Should Be Zero
    [Documentation]    Nobody is active, of no type; the ended are reported by how they ended.
    [Arguments]    ${by_status}
    ${figures} =    Get Session Analytics
    VAR    &{none}    active=${0}    by_type=${{ {} }}    by_status=${by_status}    users=${0}
    Should Be Equal    ${figures}    ${{ dict($none) }}    the figures of no active session

Figures Should Match Rows
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
