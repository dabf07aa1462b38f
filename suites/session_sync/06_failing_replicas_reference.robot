*** Settings ***
Documentation       A backend that answers 5xx, or that dies, is left out and costs nobody his session; a socket that is cut is closed with
...                 a code that says "come again", and who does finds everything.
...                 Sources: RFC 9110 §15.6.4 and §10.2.3 (503, Retry-After), RFC 6455 §7.4 (close codes); docs/protocol.md §4 and §5.
Resource            platform.resource
Resource            outage.resource
Resource            synchrony.resource
Suite Setup         Open Private Platform    backends=2    proxies=backend->postgres, frontend->backend
Suite Teardown      Leave Platform
Test Setup          Begin Part
Test Teardown       Run Keywords    Restore Services    AND    End Part
Test Tags           session-sync    p0    req:S06    req:S07    needs:ws    needs:replicas.2    needs:net.faults    needs:redis


*** Test Cases ***
A Backend That Answers 5xx Is Left Out
    [Tags]    id:S10-03    req:S10    proto:5.44    proto:5.45    needs:db.main
    Sign In New User
    Cut Connection    backend-1->postgres
    Retries Through Frontend Should Be Served    5    tries=2
    Backend Should Report When To Retry
    Frontend Should Leave Replica Out
    Heal Connection    backend-1->postgres
    Every Answer Should Report Session Found    live

A Cut Socket Closes For A Return That Finds Everything
    [Tags]    id:S06-03    proto:4.102    needs:ws.resume
    Prepare User With Data
    Reconnect And Resume    through frontend
    Reset Connection    frontend->backend
    Open Socket Should Be Closed With    1012    through frontend    within=10s
    Send Message Meanwhile
    Reconnect And Resume    once more    missed=1
    Drop Socket Connection    once more
    No Socket Should Be Left Behind
    Reconnect And Resume    missed=1
