*** Settings ***
Documentation       What frontend promises of its own pages and of what goes through it.
...                 Sources: RFC 6455 §7.4, RFC 6749 §4.1.2.1, RFC 9110 §7.6.1; docs/protocol.md §5.
Resource            promises.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Close All Connections
Test Tags           contract    p1    needs:replicas.2


*** Test Cases ***
Frontend Has The Chat Page At Its Root
    [Tags]    id:CT-170    req:C03.3    proto:5.02
    ${response} =    Request Should Be Answered    200    GET    ${PUBLIC_URL}/    token=${None}
    Should Start With    ${response.headers}[Content-Type]    text/html    the type of the root
    Should Contain    ${response.text}    /assets/app.js    the root is not the chat page

A Login At Frontend Is One Of The Client Web
    [Tags]    id:CT-171    req:C03.3    proto:5.03    sec:O07
    ${query} =    Start Login At Frontend    login_hint=me@example.test
    VAR    ${reported}    ${{ [$query['client_id'], $query['redirect_uri'], $query['code_challenge_method'], $query.get('login_hint')] }}
    Should Be Equal    ${reported}    ${{ ['web', $PUBLIC_URL + '/login/callback', 'S256', 'me@example.test'] }}
    ...    client, way back, method and hint of a login at frontend

A Failed Login Has Its Own Problem
    [Tags]    id:CT-172    req:C01.3    proto:5.32    proto:5.33    proto:5.34    proto:5.35    proto:5.36    sec:O10
    [Template]    Failed Login Should Have Problem
    error\=access_denied    403    access_denied
    error\=account_exists    409    account_exists
    error\=temporarily_unavailable    503    provider_unavailable
    error\=server_error    502    server_error
    error\=anything_else    400    invalid_request
    code\=no-such-code    400    invalid_grant

A Browser Is Shown A Page Of What Failed
    [Tags]    id:CT-173    req:C01.3    proto:5.37
    ${response} =    Get Login Page Of Error
    Should Be Equal As Integers    ${response.status_code}    403    the status of a login that was denied
    Should Start With    ${response.headers}[Content-Type]    text/html    the type of what a browser is shown of a failed login

Frontend Leads To Auth And Backend
    [Tags]    id:CT-174    req:C04.1    proto:4.01    proto:5.24    proto:5.25    needs:ws
    Get From    frontend    /.well-known/jwks.json
    Get From    frontend    /auth/sessions    ${ACCESS_TOKEN}
    Get From    frontend    /users/me    ${ACCESS_TOKEN}
    Get From    frontend    /api/me    ${ACCESS_TOKEN}
    ${welcome} =    Open Chat Socket
    Should Be Equal    ${welcome}[user_id]    ${USER.id}    the user of a socket through frontend

Headers For One Hop Go No Further
    [Documentation]    ``If-Match`` that ``Connection`` names is for frontend alone, so backend misses it.
    [Tags]    id:CT-175    req:X03    proto:5.51
    Request Should Be Answered    428    PUT    ${PUBLIC_URL}/api/preferences    ${{ {'theme': 'dark'} }}
    ...    code=precondition_required    If-Match="0"    Connection=close, If-Match
    Request Should Be Answered    200    PUT    ${PUBLIC_URL}/api/preferences    ${{ {'theme': 'dark'} }}    If-Match="0"

A Socket Through Frontend Is Backend's Own
    [Tags]    id:CT-176    req:C02.1    proto:5.56    proto:5.57    proto:5.59    needs:ws    needs:control.logs
    ${request} =    Get Random UUID
    ${welcome} =    Open Socket Through Frontend    ${request}
    ${protocol} =    Getsubprotocol
    Should Be Equal    ${protocol}    chat.v1    the subprotocol of a socket through frontend
    Drop Connection    socket
    Wait Until Keyword Passes    10s    Backend Should Log Close Code    ${welcome}[served_by]    ${request}    1001
    Open Chat Socket
    FOR    ${_}    IN RANGE    3
        Send Text    no frame    socket
    END
    Open Socket Should Be Closed With    1008    within=10s

An Empty Message Is One Like Any Other
    [Documentation]    As text it is no frame, as bytes it closes its socket, whether it goes through frontend or not.
    [Tags]    id:CT-329    req:C02.3    proto:4.22    proto:4.77    proto:5.56    needs:ws
    FOR    ${alias}    ${url}    IN    direct    ${BACKEND_SOCKET_URL}    through    ${SOCKET_URL}
        Open Chat Socket    ${alias}    url=${url}
        Send Text    ${EMPTY}    ${alias}
        ${error} =    Wait For Json    connection=${alias}    type=error    within=5s
        Should Be Equal    ${error}[payload][code]    invalid_frame    the answer to an empty text
        Ask Socket    ${alias}    ping    pong
        Send Raw Frame    ${{ b'' }}    opcode=binary    connection=${alias}
        Open Socket Should Be Closed With    1003    ${alias}
    END

A Refused Handshake Comes Back Whole
    [Tags]    id:CT-177    req:C02.4    proto:5.58    needs:ws
    ${request} =    Get Random UUID
    ${refused} =    Handshake Should Be Refused    ${SOCKET_URL}    status=401    token=no.such.token    ca_file=${CA_FILE}
    ...    headers=${{ {'X-Request-Id': $request} }}
    Should Be Equal    ${refused.json}[code]    token_invalid    the body of a refused handshake
    Should Be Equal    ${refused.json}[request_id]    ${request}    the request that a refused handshake names
    Should Contain    ${{ str($refused.headers) }}    invalid_token    the challenge of a refused handshake


*** Keywords ***
Failed Login Should Have Problem
    [Documentation]    A login that comes back to frontend with this query is answered with this status and problem code.
    [Arguments]    ${query}    ${status: int}    ${code}
    ${begun} =    Start Login At Frontend
    VAR    ${url}    /login/callback?state=${begun}[state]&${query}
    ${response} =    Browse    browser    ${url}    status=anything
    Should Be Equal    ${response.status_code}    ${status}    the status of a login that came back with ${query}
    Answer Should Be Problem    ${response}    ${code}

Get Login Page Of Error
    [Documentation]    What a browser that wants a page is shown of a login that came back denied.
    ${begun} =    Start Login At Frontend
    VAR    &{fields}    Accept=text/html
    ${response} =    GET On Session    browser    url=/login/callback?state=${begun}[state]&error=access_denied    headers=${fields}
    ...    expected_status=anything    verify=${VERIFY_TLS_BY}
    RETURN    ${response}

Open Socket Through Frontend
    [Documentation]    Opens a socket through frontend whose handshake has this request id; returns the welcome.
    [Arguments]    ${request_id}
    VAR    &{fields}    X-Request-Id=${request_id}
    Open Connection    ${SOCKET_URL}    alias=socket    token=${ACCESS_TOKEN}    subprotocols=${SUBPROTOCOLS}    headers=${fields}
    ...    ca_file=${CA_FILE}    timeout=15s
    ${welcome} =    Wait For Json    connection=socket    type=welcome
    RETURN    ${welcome}[payload]

Backend Should Log Close Code
    [Documentation]    The replica logs that the socket of this handshake has ended with this code.
    [Arguments]    ${instance}    ${request_id}    ${code: int}
    ${lines} =    Read Lines Of Log    ${instance}    ${request_id}
    VAR    ${codes}    ${{ [line.get('code') for line in $lines if line['event'] == 'socket_closed'] }}
    Should Be Equal    ${codes}    ${{ [$code] }}    the code with which a lost socket ended at ${instance}
