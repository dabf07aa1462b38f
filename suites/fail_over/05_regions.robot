*** Settings ***
Documentation       A second region with its own replica and Redis, far away from PostgreSQL and auth: slow, cut off, and, with a standby of
...                 PostgreSQL, on its own when the first is lost, until the first is back.
...                 Sources: docs/protocol.md §3.1 (session_check), §4 (nothing depends on the doorbell but speed), §5 (replicas left out).
Resource            fail_over_regions.resource
Suite Teardown      Leave Platform
Test Teardown       Close All Connections
Test Tags           fail-over    p1    req:K03    needs:session.admin    needs:ws    needs:replicas.2    needs:platform.private


*** Test Cases ***
A Distant Region Serves The Same Conversation
    [Documentation]    A tenth of a second, back and forth, lies between the second region and the stores.
    [Tags]    id:K03-01    proto:4.94    proto:4.95    needs:net.faults
    Use Regions With Connection Between
    Delay Second Region
    Open Sockets In Both Regions
    Regions Should Receive Each Other's Messages
    Session Should End In Both Regions

A Region That Is Cut Off Refuses And Catches Up
    [Documentation]    It says that it cannot, and loses nothing that went on elsewhere meanwhile.
    [Tags]    id:K03-02    proto:4.95    proto:5.45    needs:net.faults
    Use Regions With Connection Between
    Open Sockets In Both Regions
    Cut Second Region Off
    Second Region Should Refuse
    Send Chat Message    Meanwhile    first
    Frontend Should Use First Region
    Revoke Session    ${PHONE}
    Heal Second Region
    Receive Chat Message    Meanwhile    second    within=15s
    Open Socket Should Be Closed With    4003    phone    within=15s

A Region That Is Lost Is Replaced And Comes Back
    [Documentation]    The second region has a synchronous standby. What it did alone is there when the first is back.
    [Tags]    id:K03-03    proto:1.52    proto:3.1.36    needs:control.kill
    Use Regions With Standby
    Open Sockets In Both Regions
    Kill First Region
    Second Region Should Serve Alone
    Revoke Session    ${PHONE}
    Restore First Region
    First Region Should Show What Was Done Without It
    Every Service Should Refuse Token    ${PHONE.access_token}    session_revoked
    Every Service Should Accept Token
