*** Settings ***
Documentation       After a restart a user goes on where they were: the socket is back at once, their context is as they left it, and so is
...                 the state of their tab, which they write on. A restart is the end of the process: SIGTERM, or SIGKILL of everything.
...                 Sources: docs/protocol.md §4 (close codes, resume, state); RFC 6455 §7.4 (1012, service restart).
Resource            platform.resource
Resource            restart.resource
Resource            synchrony.resource
Suite Setup         Open Private Platform    backends=1
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       Run Keywords    Restore Services    AND    End Part
Test Tags           session-sync    p0    req:S05    req:S07    needs:ws    needs:ws.resume    needs:control.kill


*** Test Cases ***
A Session's Context Is Restored After Everything Was Killed
    [Tags]    id:S05-01    part:context    needs:redis    needs:db.main
    Prepare User With Data
    Kill And Start    redis    auth    backend-1    frontend
    Session Views Should Agree    ${USER}    within=15s    places=${{ ['auth', 'auth db', 'main db', 'backend-1'] }}
    Reconnect And Resume
    User Should See Everything Unchanged

A Tab's State Is Restored And Can Be Written
    [Tags]    id:S05-03    proto:R3.03    part:state
    Prepare User With Data
    State Should Be Writable From Version    1
    Remember View Of User
    Kill And Start    backend-1
    Reconnect And Resume
    User Should See Everything Unchanged
    Stale Write Should Conflict    1    again
    State Should Be Writable From Version    2    again


*** Keywords ***
Stale Write Should Conflict
    [Documentation]    A write over a version that is not the current one changes nothing; the answer has what is current.
    [Arguments]    ${version: int}    ${alias}
    ${conflict} =    Ask Socket    ${alias}    state.update    state.conflict    base_version=${version}    document=${{ {'stale': 1} }}
    Should Be Equal    ${conflict}[document]    ${SEEN}[state][document]    the loser receives another state
