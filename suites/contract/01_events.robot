*** Settings ***
Documentation       Whatever happens to a user reaches every client of theirs, for as long as that client has not said that it knows.
...                 Sources: docs/protocol.md §3.1 (notifications, conversations) and §4 (``event``, ``event.ack``, when a new client and a
...                 returning one get their events).
Resource            contract.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Teardown       Run Keywords    Drop Connections    AND    Close All Connections
Test Tags           contract    p1    needs:ws    needs:replicas.2    needs:db.main


*** Test Cases ***
One Device's Acknowledgement Leaves The Event For The Other
    [Tags]    id:CT-01    req:R03    req:R06    req:C10.3    proto:4.82    proto:R3.12    needs:ws.resume
    Open Tab And Second Device
    Close Connection    tab
    ${event} =    Notify    for both
    Event Should Arrive At    ${event}    device    it is online
    Acknowledge    ${event}    device
    Pending Notifications Should Become    ${ACCESS_TOKEN}
    Reconnect Tab    missed=0
    Event Should Arrive At    ${event}    tab    only the other device has acknowledged it

Only Its User Can Acknowledge An Event
    [Tags]    id:CT-02    req:R03    req:C02.3    proto:4.83    sec:W06
    ${users} =    Create Load Users    2
    Userbase Should Hold    ${users}
    ${theirs} =    Notify    not for other users    user=${users}[0]
    ${own} =    Notify    for the other user    user=${users}[1]
    Open Chat Socket    other    ${users[1].access_token}    ${BACKEND_SOCKET_URL}
    Acknowledge    ${theirs}    other
    Acknowledge    ${own}    other
    Pending Notifications Should Become    ${users[1].access_token}
    Pending Notifications Should Be    ${users[0].access_token}    ${theirs}

Pending Events Reach The First Client Until Acknowledged
    [Tags]    id:CT-03    req:R03    req:R06    proto:4.58    proto:4.84
    Create User With Conversation
    ${waited} =    Notify    before the first socket
    Open Chat Socket    first
    First Event Should Be    first    ${waited}    it waited for the first client
    Acknowledge    ${waited}    first
    Pending Notifications Should Become    ${ACCESS_TOKEN}
    Open Chat Socket    second
    ${new} =    Notify    to both sockets
    First Event Should Be    second    ${new}    the earlier one had been acknowledged before this client was there

A Tab That Does Not Resume Receives Pending Events
    [Tags]    id:CT-04    req:R06    req:C10.3    proto:4.59    proto:4.60    proto:R3.13
    Open Tab In Conversation
    Close Connection    tab
    ${waited} =    Notify    while away
    Tab Should Receive Event Without Resume    ${waited}
    ${new} =    Notify    after it
    Event Should Arrive At    ${new}    tab    it is online


*** Keywords ***
Tab Should Receive Event Without Resume
    [Documentation]    The tab opens, does not resume, and is notified of this event, but no sooner than a ``resume`` is waited for.
    [Arguments]    ${event_id}
    ${began} =    Evaluate    datetime.datetime.now(datetime.UTC)
    Open Own Tab
    Event Should Arrive At    ${event_id}    tab    it came back and had nothing to resume
    ${events} =    Get Frames    connection=tab    type=event
    VAR    ${after}    ${{ ($events[0].wall - $began).total_seconds() }}
    Should Be True    ${after} >= 1    the tab was notified after ${after} s, and so before a resume that it might have sent
