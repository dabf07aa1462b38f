*** Settings ***
Documentation       A backend that answers 5xx, or that dies, is left out and costs nobody his session; a socket that is cut is closed with
...                 a code that says "come again", and who does finds everything.
...                 Sources: RFC 9110 §15.6.4 and §10.2.3 (503, Retry-After), RFC 6455 §7.4 (close codes); docs/protocol.md §4 and §5.
Resource            platform.resource
Resource            outage.resource
Resource            synchrony.resource
Suite Setup         Use A Private Platform    backends=2    proxies=backend->postgres, frontend->backend
Suite Teardown      Leave The Platform
Test Setup          A Part Begins
Test Teardown       Run Keywords    Every Service Runs Again    AND    The Part Is Over
Test Tags           session-sync    p0    req:S06    req:S07    needs:ws    needs:replicas.2    needs:net.faults    needs:redis


*** Test Cases ***
A Backend That Answers 5xx Is Left Out
    [Tags]    id:S10-03    req:S10    proto:5.44    proto:5.45    needs:db.main
    Sign In A New User
    Cut Connection    backend-1->postgres
    Retries Through Frontend Are Served    5    tries=2
    Backend Says When To Retry
    Frontend Leaves The Replica Out
    Heal Connection    backend-1->postgres
    Every Answer Says That The Session Was Found    live

A Cut Socket Closes For A Return That Finds Everything
    [Tags]    id:S06-03    proto:4.102    needs:ws.resume
    Settle In
    Come Back    through frontend
    Reset Connection    frontend->backend
    Open Socket Was Closed With    1012    through frontend    within=10s
    Something Is Said Meanwhile
    Come Back    once more    missed=1
    Lose The Connection    once more
    No Socket Is Left Behind
    Come Back    missed=1
