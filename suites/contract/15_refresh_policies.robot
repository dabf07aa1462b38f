*** Settings ***
Documentation       A refresh that is told to be tried again, or whose answer is lost, ends no session; a stolen token does. Both policies
...                 of auth: strict, as it is by default, and a grace with exactly one successor.
...                 Sources: RFC 9700 §4.14.2 (reuse), draft-ietf-httpapi-idempotency-key-header; docs/protocol.md §2.3 and §5.
Resource            refreshing.resource
Suite Setup         Open Platform Of Each Policy
Suite Teardown      Leave Platform
Test Tags           contract    p0    req:C04.3    req:M05.3    needs:db.auth


*** Test Cases ***
A Refresh Repeated Under Its Key Has The Same Successor
    [Tags]    id:CT-70    proto:2.3.29    proto:2.3.30    proto:2.3.31    proto:2.3.34    sec:O06    needs:control.kill
    [Setup]    Use Policy    strict
    ${successor} =    Refresh Should Give    ${REFRESH_TOKEN}    ${KEY}
    Refresh Should Give    ${REFRESH_TOKEN}    ${KEY}    successor=${successor}
    Restart Auth Hard
    Refresh Should Give    ${REFRESH_TOKEN}    ${KEY}    successor=${successor}
    Refresh Should Give    ${successor}    another-${KEY}
    Session Should Live

A Spent Refresh Token Under Another Key Ends The Family
    [Tags]    id:CT-71    proto:2.3.35    sec:O06
    [Setup]    Use Policy    strict
    ${successor} =    Refresh Should Give    ${REFRESH_TOKEN}    ${KEY}
    Refresh Should End Family    ${REFRESH_TOKEN}    another-${KEY}
    Refresh Should Be Refused With    ${successor}    invalid_grant

A Repetition After The Successor Was Used Ends The Family
    [Tags]    id:CT-72    proto:2.3.32    sec:O06
    [Setup]    Use Policy    strict
    ${successor} =    Refresh Should Give    ${REFRESH_TOKEN}    ${KEY}
    Refresh Should Give    ${successor}    ${KEY}
    Refresh Should End Family    ${REFRESH_TOKEN}    ${KEY}

Another Client's Attempt Leaves The Refresh Token Unspent
    [Tags]    id:CT-73    proto:2.2.30    proto:2.3.24    sec:O06
    [Setup]    Use Policy    strict
    ${form} =    Make Request Body    grant_type=refresh_token    refresh_token=${REFRESH_TOKEN}    client_id=mobile
    Post Form To    auth    /auth/token    ${form}    status=400
    Refresh Should Give    ${REFRESH_TOKEN}
    Session Should Live

A Browser Whose Refresh Failed Stays Signed In
    [Tags]    id:CT-74    req:C06.4    proto:5.22    needs:control.pause
    [Setup]    Use Policy In Browser
    Refresh While Auth Is Paused
    Browser Should Refresh When It Tries Again

A Browser Stays Signed In While Auth Has No Database
    [Tags]    id:CT-203    req:C06.4    proto:5.19    needs:net.faults
    [Setup]    Use Policy In Browser
    Refresh While Auth Has No Database
    Browser Should Refresh When It Tries Again

A Browser Whose Answer Was Lost Stays Signed In
    [Tags]    id:CT-75    req:C06.4    needs:net.faults
    [Setup]    Use Policy In Browser
    Cut Answer To Refresh
    Browser Should Refresh When It Tries Again

Another Tab And Another Frontend Process Get The Same Tokens
    [Tags]    id:CT-76    req:C09.2    proto:5.23    needs:control.restart
    [Setup]    Use Policy In Browser
    Refresh In Two Tabs While Frontend Is Replaced

Twenty Refreshes Within The Grace Have One Successor
    [Tags]    id:CT-77    proto:2.3.37    sec:O06    needs:control.kill
    [Setup]    Use Policy    grace
    ${replies} =    Send Refreshes At Once    ${REFRESH_TOKEN}    20
    ${successor} =    Replies Should Have One Successor    ${replies}
    Restart Auth Hard
    Refresh Should Give    ${successor}
    Session Should Live

A Spent Refresh Token After The Grace Ends The Family
    [Tags]    id:CT-78    proto:2.3.38    sec:O06
    [Setup]    Use Policy    grace
    ${successor} =    Refresh Should Give    ${REFRESH_TOKEN}
    Wait Until Grace Is Over    ${REFRESH_TOKEN}
    Refresh Should End Family    ${REFRESH_TOKEN}
    Refresh Should Be Refused With    ${successor}    invalid_grant

A Third Token Within The Grace Ends The Family
    [Tags]    id:CT-79    sec:O06
    [Setup]    Use Policy    grace
    ${successor} =    Refresh Should Give    ${REFRESH_TOKEN}
    Refresh Should Give    ${successor}
    Refresh Should End Family    ${REFRESH_TOKEN}
