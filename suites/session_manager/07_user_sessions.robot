*** Settings ***
Documentation       A user's list of sessions is what PostgreSQL has of them: all of theirs and no other user's, oldest first, with what
...                 became of each; whatever Redis holds or in whatever form it answers.
...                 Sources: docs/protocol.md §2.4 and §2.5, OWASP ASVS 5.0 7.5.2 (users see their sessions).
Resource            sessions.resource
Resource            auth.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Tags           session-manager    p1    needs:session.admin    needs:redis    needs:db.auth


*** Test Cases ***
Sessions Are Listed In Full, Oldest First
    [Tags]    id:M07-02    req:M07.1
    Create User With Sessions Of Three Ages
    Create Session Of Other User
    ${listed} =    List User Sessions    ${USER_ID}
    List Should Name    ${listed}    ${OLD}    ${MIDDLE}    ${NEW}
    Each Should Be Listed By Its Own Record    ${listed}
    ${own} =    List Own Sessions    ${MIDDLE.access_token}
    List Should Name    ${own}    ${OLD}    ${MIDDLE}    ${NEW}
    Current In List Should Be    ${own}    ${MIDDLE}

The List Is The Same Whatever Redis Holds
    [Tags]    id:M07-03    req:M07.1    proto:2.5.13    extra
    Create User With Sessions Of Three Ages
    ${before} =    List User Sessions    ${USER_ID}
    Get Redis Sorted Set    user:${USER_ID}:sessions    validate    len(value) == 3
    Replace Redis Index Of User By    no list of ids
    List Should Still Be    ${before}
    Delete Redis Keys    user:${USER_ID}:sessions
    List Should Still Be    ${before}
    Delete Redis Keys    session:${MIDDLE.session_id}
    List Should Still Be    ${before}

Sessions That Have Ended Are Not Listed
    [Tags]    id:M07-04    req:M07.2
    Create Active, Expired And Revoked Session
    ${listed} =    List User Sessions    ${USER_ID}
    List Should Name    ${listed}    ${ACTIVE}
    ${own} =    List Own Sessions    ${ACTIVE.access_token}
    List Should Name    ${own}    ${ACTIVE}
    Revoke Session    ${ACTIVE}
    ${listed} =    List User Sessions    ${USER_ID}
    List Should Name    ${listed}

The Full List Shows How Each Session Ended
    [Tags]    id:M07-05    req:M07.3    proto:2.5.40
    Create Active, Expired And Revoked Session
    ${listed} =    List User Sessions    ${USER_ID}    include_expired=True
    List Should Name    ${listed}    ${EXPIRED}    ${REVOKED}    ${ACTIVE}
    Should Be Equal    ${{ [one['status'] for one in $listed] }}    ${{ ['expired', 'revoked', 'active'] }}
    Should Be Equal    ${{ [one['revoke_reason'] for one in $listed] }}    ${{ [None, 'lost phone', None] }}
    Each Should Be Listed By Its Own Record    ${listed}

An Expired Session Is Listed As Expired At Once
    [Documentation]    The user's next login marks it, as any sweep does.
    [Tags]    id:M07-06    req:M07.3    extra
    Create Active, Expired And Revoked Session
    ${before} =    List User Sessions    ${USER_ID}    include_expired=True
    Create Managed Session    ${USER_ID}
    Session Row Should Be    ${EXPIRED.session_id}    expired
    ${after} =    List User Sessions    ${USER_ID}    include_expired=True
    Should Be Equal    ${after}[:3]    ${before}    sessions are listed otherwise than before the mark

A User Without Sessions Has An Empty List
    [Tags]    id:M07-07    req:M07.4    proto:2.5.13
    Create Session Of Other User
    Create User Without Session
    ${listed} =    List User Sessions    ${USER_ID}
    Should Be Equal    ${listed}    ${{ [] }}    sessions are listed for a user who has none
    ${listed} =    List User Sessions    ${USER_ID}    include_expired=True
    Should Be Equal    ${listed}    ${{ [] }}    ended sessions are listed for a user who never had one
    Get From    auth    /admin/users/no-user/sessions    ${SERVICE_TOKEN}    status=400


*** Keywords ***
Create User With Sessions Of Three Ages
    [Documentation]    A new user with a MOBILE session of two hours ago, an API one of an hour ago, and a WEB one of now, made in another
    ...    order: sets ``USER_ID``, ``OLD``, ``MIDDLE`` and ``NEW``.
    Create User Without Session
    ${middle} =    Create Managed Session    ${USER_ID}    type=API    idle_ttl=1 day    absolute_ttl=1 day
    ${new} =    Create Managed Session    ${USER_ID}    type=WEB    metadata=${{ {'theme': 'dark'} }}    device=laptop
    ${old} =    Create Managed Session    ${USER_ID}    type=MOBILE    idle_ttl=1 day    absolute_ttl=1 day
    Move Session Into Past    1 hour    ${middle}
    Move Session Into Past    2 hours    ${old}
    VAR    ${OLD}    ${old}    scope=TEST
    VAR    ${MIDDLE}    ${middle}    scope=TEST
    VAR    ${NEW}    ${new}    scope=TEST

Create Active, Expired And Revoked Session
    [Documentation]    A new user with three sessions, the expired one the oldest: sets ``USER_ID``, ``EXPIRED``, ``REVOKED``, ``ACTIVE``.
    Create User Without Session
    ${expired} =    Create Managed Session    ${USER_ID}    idle_ttl=10min
    ${revoked} =    Create Managed Session    ${USER_ID}
    ${active} =    Create Managed Session    ${USER_ID}
    Move Session Into Past    11min    ${expired}
    Revoke Session    ${revoked}    lost phone
    VAR    ${EXPIRED}    ${expired}    scope=TEST
    VAR    ${REVOKED}    ${revoked}    scope=TEST
    VAR    ${ACTIVE}    ${active}    scope=TEST

Create Session Of Other User
    [Documentation]    A user else has a session, too.
    Create Load Users    1

List Own Sessions
    [Documentation]    The sessions that the holder of an access token is shown as their own.
    [Arguments]    ${token}
    ${response} =    Get From    auth    /auth/sessions    ${token}
    RETURN    ${response.json()}[sessions]

List Should Name
    [Documentation]    These sessions are listed, in this order, and no others.
    [Arguments]    ${listed}    @{sessions}
    VAR    ${ids}    ${{ [session.session_id for session in $sessions] }}
    Should Be Equal    ${{ [one['session_id'] for one in $listed] }}    ${ids}    other sessions are listed, or in another order

Current In List Should Be
    [Documentation]    One session of the list is called the current one, and it is this.
    [Arguments]    ${listed}    ${session}
    VAR    ${current}    ${{ [one['session_id'] for one in $listed if one['current']] }}
    Should Be Equal    ${current}    ${{ [$session.session_id] }}    another session is called the current one

Each Should Be Listed By Its Own Record
    [Documentation]    Each entry is the record that auth gives of the session alone, which is what its row says.
    [Arguments]    ${listed}
    FOR    ${entry}    IN    @{listed}
        ${record} =    Get Session Record    ${entry}[session_id]
        Should Be Equal    ${entry}    ${record}    the list tells otherwise of a session than its own record
        Session Views Should Agree    ${entry}[session_id]    places=${{ ['auth', 'auth db'] }}
    END

Replace Redis Index Of User By
    [Documentation]    Under the key of the user's sorted set there is something different now.
    [Arguments]    ${text}
    Delete Redis Keys    user:${USER_ID}:sessions
    Set Redis Value    user:${USER_ID}:sessions    ${text}    ttl=1min

List Should Still Be
    [Documentation]    The user's sessions are listed as before.
    [Arguments]    ${before}
    ${listed} =    List User Sessions    ${USER_ID}
    Should Be Equal    ${listed}    ${before}    the list has changed
