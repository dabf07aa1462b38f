*** Settings ***
Documentation       A refresh that may be tried again, or whose answer is lost, ends no session; a stolen token does. Both policies
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


*** Keywords ***
Open Platform Of Each Policy
    [Documentation]    Two platforms: one as it is by default, and one that grants ``GRACE`` seconds to anyone who presents a spent token.
    Use Private Platform    proxies=frontend->auth, auth->postgres
    Use Private Platform    alias=graceful    REFRESH_GRACE=${GRACE}

Send Refreshes At Once
    [Documentation]    So many refreshes with one token at one instant; returns the replies.
    [Arguments]    ${refresh_token}    ${count: int}
    ${body} =    Make Request Body    refresh_token=${refresh_token}
    VAR    &{request}    method=POST    url=${AUTH_URL}/auth/refresh    json=${body}
    ${replies} =    Send At Once    ${{ [$request] * $count }}    ca_file=${CA_FILE}
    RETURN    ${replies}

Replies Should Have One Successor
    [Documentation]    Each reply is a 200, and all of them hold one and the same refresh token, which is returned.
    [Arguments]    ${replies}
    VAR    ${refused}    ${{ [(reply.status, reply.error or reply.text[:60]) for reply in $replies if reply.status != 200] }}
    Should Be Empty    ${refused}    of refreshes at one instant ${{ len($refused) }} were refused: ${refused}
    VAR    ${successors}    ${{ {reply.json['refresh_token'] for reply in $replies} }}
    Length Should Be    ${successors}    1    refreshes at one instant gave ${{ len($successors) }} successors, not one
    RETURN    ${{ $successors.pop() }}

Wait Until Grace Is Over
    [Documentation]    Waits until the first use of this token lies further back than the grace.
    [Arguments]    ${refresh_token}
    VAR    ${hash}    ${{ hashlib.sha256($refresh_token.value.encode()).hexdigest() }}
    Wait Until Keyword Succeeds    ${GRACE + 5}s    200ms    Check Row Count
    ...    SELECT 1 FROM refresh_tokens WHERE token_hash = decode('${hash}', 'hex') AND used_at < now() - interval '${GRACE} seconds'
    ...    ==    ${1}    alias=auth    assertion_message=the first use of the token is not older than the grace

Cut Answer To Refresh
    [Documentation]    Auth answers the browser's refresh, and the answer is cut off after some bytes on its way to frontend.
    Add Toxic    frontend->auth    limit_data    bytes=20    name=cut
    ${response} =    Post In Browser    /session/refresh
    Heal Connection    frontend->auth
    Should Be Equal As Integers    ${response.status_code}    503    a refresh whose answer was cut off
    Answer Should Be Problem    ${response}    auth_unavailable
    Cookies Should Be Left Alone    ${response}

Refresh While Auth Has No Database
    [Documentation]    Auth, cut off from its database, answers the browser's refresh with a failure of its own.
    Cut Connection    auth->postgres
    ${response} =    Post In Browser    /session/refresh
    Heal Connection    auth->postgres
    Should Be Equal As Integers    ${response.status_code}    503    a refresh while auth has no database
    Should Be True    int($response.headers.get('Retry-After', 0)) >= 1    a refresh while auth has no database has no Retry-After
    Cookies Should Be Left Alone    ${response}

Refresh While Auth Is Paused
    [Documentation]    Auth stands still while the browser refreshes, which is asked to try again; then auth goes on.
    Pause Service    auth
    ${response} =    Post In Browser    /session/refresh
    Resume Service    auth
    Should Be Equal As Integers    ${response.status_code}    503    a refresh while auth stands still
    Should Be True    int($response.headers['Retry-After']) >= 1    no Retry-After
    Cookies Should Be Left Alone    ${response}

Refresh In Two Tabs While Frontend Is Replaced
    [Documentation]    The browser refreshes, frontend is replaced without a gap, and a tab with the cookies from before refreshes as well.
    Open Twin Browser    ${BROWSER}
    Post In Browser    /session/refresh    status=200
    Restart Service Without Gap    frontend
    Post In Browser    /session/refresh    status=200    browser=twin
    Session Should Be    active, refreshed 1
