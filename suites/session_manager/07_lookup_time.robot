*** Settings ***
Documentation       A session is found as fast among 10,000 as among 10. Two platforms of their own are asked by turns, so that whatever
...                 else the machine does is shared by both; what counts is the ratio of the medians.
...                 Source: docs/protocol.md §2.5.
Resource            sessions.resource
Resource            sync.resource
Library             BudgetLibrary
Suite Setup         Create Ten And Ten Thousand Sessions
Suite Teardown      Leave Platform
Test Tags           session-manager    p1    extra    req:M07.1    needs:session.admin    needs:redis    needs:db.auth


*** Variables ***
${SLOWER}       5


*** Test Cases ***
Ten Thousand Sessions Do Not Slow A Look-up
    [Tags]    id:M03-10    req:M03.1
    Ask Both By Turns    by token    Session Token Should Be Valid    redis
    Ask Both By Turns    by id    Get Session Record
    Medians Should Be Alike    by token
    Medians Should Be Alike    by id

Ten Thousand Sessions Do Not Slow A List
    [Tags]    id:M07-01
    Ask Both By Turns    list    List Sessions Of User
    Medians Should Be Alike    list

Ten Thousand Sessions Slow No Look-up Without Redis
    [Tags]    id:M03-11    req:M03.5    needs:control.kill
    Kill Redis Of Both
    Ask Both By Turns    by token in the database    Session Token Should Be Valid    database
    Medians Should Be Alike    by token in the database
    [Teardown]    Restore Redis Of Both Platforms


*** Keywords ***
Create Ten And Ten Thousand Sessions
    [Documentation]    Platforms ``few`` and ``many``, asked already while both had ten: sets ``SESSIONS`` (alias → a session to ask for).
    VAR    &{SESSIONS}    &{EMPTY}    scope=SUITE
    Create Ten Sessions On    few
    Create Ten Sessions On    many
    Create Load Users    9_990
    Wait Until Outbox Is Empty
    ${figures} =    Get Session Analytics
    Should Be Equal    ${figures}[active]    ${10_000}

Create Ten Sessions On
    [Documentation]    A new platform with ten sessions, of which one is asked for in every way so often that each statement has its plan.
    [Arguments]    ${alias}
    Open Private Platform    backends=1    alias=${alias}
    ${users} =    Create Load Users    9
    ${session} =    Create Managed Session    ${users[0].id}
    Set To Dictionary    ${SESSIONS}    ${alias}=${session}
    ${token_key} =    Get Redis Key Of Session Token    ${session.session_token}
    FOR    ${_}    IN RANGE    20
        Delete Redis Keys    ${token_key}
        Session Token Should Be Valid    ${session}    database
        Get Session Record    ${session}
        List Sessions Of User    ${session}
    END

Ask Both By Turns
    [Documentation]    A keyword that is given the session: five times here, five times there, and so on, ten times; each is measured.
    [Arguments]    ${way}    ${keyword}    @{more}
    FOR    ${_}    IN RANGE    10
        Ask Some Times    few    ${way}    ${keyword}    @{more}
        Ask Some Times    many    ${way}    ${keyword}    @{more}
    END

Ask Some Times
    [Documentation]    The first look-up after the change of platforms opens connections, and is not measured.
    [Arguments]    ${alias}    ${way}    ${keyword}    @{more}
    Switch Platform    ${alias}
    Run Keyword    ${keyword}    ${SESSIONS}[${alias}]    @{more}
    Repeat Keyword    5 times    Measure Latency    M07 ${way} among ${alias}    ${keyword}    ${SESSIONS}[${alias}]    @{more}

Restore Redis Of Both Platforms
    [Documentation]    For a teardown: each platform's Redis runs, and holds the session that is asked for.
    FOR    ${alias}    IN    few    many
        Switch Platform    ${alias}
        Start Service    redis
        Redis Should Find Session Again    ${SESSIONS}[${alias}]
    END

Medians Should Be Alike
    [Documentation]    Among many the median is at most so many times as long as among few.
    [Arguments]    ${way}
    ${few} =    Get Latency    M07 ${way} among few    p50
    ${many} =    Get Latency    M07 ${way} among many    p50
    VAR    ${ratio}    ${{ round($many / $few, 2) }}
    Log    ${way}: among 10,000 ${ratio} times as long as among 10 (${{ round($many * 1000, 2) }} ms, ${{ round($few * 1000, 2) }} ms)
    Should Be True    ${ratio} <= ${SLOWER}    ${way}, a look-up takes ${ratio} times as long among 10,000 sessions as among 10

List Sessions Of User
    [Documentation]    The list of the session's user, which has something in it.
    [Arguments]    ${session}
    ${listed} =    List User Sessions    ${session.user_id}
    Should Not Be Empty    ${listed}

Kill Redis Of Both
    [Documentation]    From now on both have nothing but PostgreSQL.
    Switch Platform    few
    Kill Service    redis
    Switch Platform    many
    Kill Service    redis
