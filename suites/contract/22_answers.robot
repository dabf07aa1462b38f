*** Settings ***
Documentation       What every service promises of each answer, log line and document, and what backend's single endpoints promise.
...                 Sources: RFC 9110 §8.8.3, §13.1.1 and §15.5, RFC 9457, the text format of Prometheus; docs/protocol.md §1 and §3.1.
Resource            promises.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Tags           contract    p1    needs:replicas.2


*** Test Cases ***
An Unknown Path Is Not Found At Any Service
    [Tags]    id:CT-160    req:X03    proto:1.09    proto:5.26
    [Template]    Path Should Be Answered With
    404    not_found    ${AUTH_URL}/no/such/path    GET    POST    DELETE
    404    not_found    ${BACKEND_URL}/api/nothing    GET    POST    DELETE
    404    not_found    ${PUBLIC_URL}/no-such-page    GET    POST    DELETE
    404    not_found    ${PUBLIC_URL}/index.html    GET

Metrics Have The Format Of Prometheus
    [Tags]    id:CT-161    req:X03    proto:1.33
    [Template]    Metrics Should Be Prometheus Text
    ${AUTH_URL}
    ${BACKEND_URL}
    ${BACKEND_2_URL}

Each Public Endpoint Is Described
    [Tags]    id:CT-162    req:X03    proto:1.38
    Every Public Endpoint Should Be Described    auth    /auth/signup=post    /auth/login=post    /auth/token=post    /auth/refresh=post
    ...    /auth/logout=post    /auth/revoke=post    /auth/introspect=post    /users/me=get patch delete    /users/me/password=post
    ...    /users/me/deactivate=post    /auth/sessions=get    /auth/sessions/{session_id}=delete    /auth/sessions/revoke-others=post
    ...    /auth/google=get    /auth/google/callback=get    /.well-known/jwks.json=get
    Every Public Endpoint Should Be Described    backend    /api/me=get    /api/capabilities=get    /api/conversations=get post
    ...    /api/conversations/{conversation_id}=get patch delete    /api/conversations/{conversation_id}/messages=get post
    ...    /api/preferences=get put    /api/notifications=get

A Request Is Logged Under Its Ids At Each Service
    [Tags]    id:CT-163    req:X03    proto:1.28    proto:1.29    proto:1.41    needs:control.logs
    ${request} =    Get Random UUID
    ${other} =    Get Random UUID
    VAR    ${test}    ${{ 'test of ' + 'x' * 192 }}
    Request Should Be Answered    200    GET    ${PUBLIC_URL}/users/me    X-Request-Id=${request}    X-Test-Id=${test}
    Request Should Be Logged At    ${request}    ${test}    frontend    auth
    Request Should Be Answered    200    GET    ${BACKEND_URL}/api/me    X-Request-Id=${other}    X-Test-Id=${test}
    Request Should Be Logged At    ${other}    ${test}    backend-1

A Client's Mistake Is No Error Of A Service
    [Tags]    id:CT-164    req:X03    proto:1.44    proto:1.45    needs:control.logs
    [Template]    Client Mistake Should Be No Error
    auth    ${AUTH_URL}
    backend-1    ${BACKEND_URL}
    frontend    ${PUBLIC_URL}

Broken Text On A Socket Is No Service Error
    [Tags]    id:CT-374    req:X03    proto:1.44    proto:1.45    needs:ws    needs:control.logs
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Send Raw Frame    ${{ b'\xc3(' }}    connection=socket
    Open Socket Should Be Closed With    1007
    Wait Until Keyword Passes    10s    Mistake Should Be Logged    backend-1    invalid_text

The Capabilities Are Public And Hold All Bounds
    [Tags]    id:CT-165    req:X03    proto:3.1.27    proto:3.1.28
    Capabilities Should Hold    version    protocol    features    limits    windows    bounds    quotas    close_codes    resume_reasons
    ...    limits.frame=65536    limits.body=16384    limits.client_msg_id=64    limits.batch=500    limits.state_document=49152
    ...    bounds.expired_close=1    bounds.revoked_close=1    bounds.revoked_close_without_redis=2
    ...    close_codes.policy=1008    close_codes.service_restart=1012    close_codes.token_expired=4001
    ...    close_codes.session_revoked=4003    close_codes.slow_consumer=4008    close_codes.replaced=4009
    ...    close_codes.resume_needed=4010    close_codes.abuse=4029

Preferences Begin Empty And Are An Object
    [Tags]    id:CT-166    req:C10.2    proto:3.1.18    proto:3.1.21    proto:3.1.22
    ${etag}    ${document} =    Get Preferences    backend
    Should Be Equal    ${{ [$etag, $document] }}    ${{ ['"0"', {}] }}    ETag and preferences before the first write
    ${written} =    Set Preferences    ${{ {'theme': 'dark'} }}    "0"    backend
    Should Be Equal    ${{ [$written.headers['ETag'], $written.json()] }}    ${{ ['"1"', {'theme': 'dark'}] }}    ETag and answer of a write
    ${etag}    ${document} =    Get Preferences    backend-2
    Should Be Equal    ${{ [$etag, $document] }}    ${{ ['"1"', {'theme': 'dark'}] }}    ETag and preferences after a write
    Set Preferences    ${{ ['dark'] }}    "1"    backend    status=400

A Conversation Has Its Declared Members And Version
    [Tags]    id:CT-167    req:C10.2    proto:3.1.07    proto:3.1.09    proto:3.1.10
    ${made} =    Post To    backend    /api/conversations    ${{ {'title': 'First'} }}    ${ACCESS_TOKEN}    status=201
    VAR    ${path}    /api/conversations/${made.json()}[id]
    Members Should Be    a conversation    ${made.json()}    id    title    epoch    last_seq    assistant    version    created_at
    Should Be True    isinstance($made.json()['epoch'], str)    the epoch of a conversation is no text
    ${renamed} =    Patch At    backend    ${path}    ${{ {'title': 'Second'} }}    ${ACCESS_TOKEN}    If-Match="1"
    ${read} =    Get From    backend-2    ${path}    ${ACCESS_TOKEN}
    Should Be Equal    ${{ [one.headers['ETag'] for one in [$made, $renamed, $read]] }}    ${{ ['"1"', '"2"', '"2"'] }}
    ...    ETags of a conversation that is made, renamed and read

Paths That Nobody Serves Make No Time Series
    [Documentation]    Anyone who asks for a hundred random paths makes no line in the metrics.
    [Tags]    id:CT-207    req:X03    proto:1.50    sec:R06
    [Template]    Random Paths Should Make No Time Series
    ${AUTH_URL}
    ${BACKEND_URL}
    ${BACKEND_2_URL}

Messages That Their Owner Has Read Are Foreign To Others
    [Tags]    id:CT-200    req:X02    proto:1.24
    Start Conversation
    VAR    ${path}    /api/conversations/${CONVERSATION}
    ${other} =    Create User
    FOR    ${service}    IN    backend    backend-2
        Get From    ${service}    ${path}    ${ACCESS_TOKEN}
        Get From    ${service}    ${path}/messages    ${ACCESS_TOKEN}
        Get From    ${service}    ${path}    ${other.access_token}    status=404
        ${response} =    Get From    ${service}    ${path}/messages    ${other.access_token}    status=anything
        Should Be Equal As Integers    ${response.status_code}    404    the status of messages of another user at ${service}
        Answer Should Be Problem    ${response}    not_found
    END

A Message Has Its Declared Members And Is Made Once
    [Tags]    id:CT-168    req:C09.2    proto:3.1.13    proto:3.1.15    proto:3.1.16    proto:3.1.17
    [Setup]    Sign In With Conversation
    VAR    ${url}    ${BACKEND_URL}/api/conversations/${CONVERSATION}/messages
    VAR    &{one}    body=One    client_msg_id=the-one
    VAR    &{two}    &{one}    body=Two
    ${made} =    Request Should Be Answered    201    POST    ${url}    ${one}
    Members Should Be    a message    ${made.json()}    conversation_id    epoch    seq    client_msg_id    sender    role    body
    ...    created_at
    ${again} =    Request Should Be Answered    200    POST    ${url}    ${one}
    Should Be Equal    ${again.json()}    ${made.json()}    a message that is sent again
    Request Should Be Answered    409    POST    ${url}    ${two}    code=idempotency_conflict
    ${read} =    Request Should Be Answered    200    GET    ${url}
    Members Should Be    a list of messages    ${read.json()}    messages    last_seq    epoch

A Quota That Is Off Is Not Reported
    [Tags]    id:CT-169    req:C08.3    proto:3.2.15
    ${reported} =    Get From    backend    /api/capabilities
    Should Be Equal    ${reported.json()}[quotas][standard]    ${0}    the quota of the shared platform
    ${response} =    Get From    backend    /api/me    ${ACCESS_TOKEN}
    Should Not Contain    ${response.headers}    RateLimit-Policy    a quota that is off is reported

A Repeated Key Finds What Was Renamed Since
    [Tags]    id:CT-333    req:C09.2    proto:3.1.11
    VAR    ${url}    ${BACKEND_URL}/api/conversations
    VAR    &{first}    title=One    assistant=${True}
    VAR    &{key}    Idempotency-Key=the-renamed-one
    ${made} =    Request Should Be Answered    201    POST    ${url}    ${first}    &{key}
    Patch At    backend    /api/conversations/${made.json()}[id]    ${{ {'title': 'Renamed'} }}    ${ACCESS_TOKEN}    If-Match="1"
    ${again} =    Request Should Be Answered    200    POST    ${url}    ${first}    &{key}
    Should Be Equal    ${again.json()}[title]    Renamed    the title of a conversation whose first request came again

A Repeated Key Is Of One Request Whole
    [Documentation]    Whatever member of the body is another, and whatever path: a conflict. Another user's key is another key.
    [Tags]    id:CT-219    req:C09.2    proto:3.1.11    proto:3.1.12
    VAR    ${url}    ${BACKEND_URL}/api/conversations
    VAR    &{first}    title=One    assistant=${True}
    VAR    &{key}    Idempotency-Key=the-one
    ${made} =    Request Should Be Answered    201    POST    ${url}    ${first}    &{key}
    ${again} =    Request Should Be Answered    200    POST    ${url}    ${first}    &{key}
    Should Be Equal    ${again.json()}    ${made.json()}    a conversation that is made again under its key
    FOR    ${title}    ${assistant}    IN    One    ${False}    Two    ${True}
        VAR    &{other}    title=${title}    assistant=${assistant}
        Request Should Be Answered    409    POST    ${url}    ${other}    code=idempotency_conflict    &{key}
    END
    ${other_user} =    Create User
    Request Should Be Answered    201    POST    ${url}    ${first}    token=${other_user.access_token}    &{key}


*** Keywords ***
Path Should Be Answered With
    [Documentation]    A path is answered with this status and problem code, whatever the method.
    [Arguments]    ${status}    ${code}    ${url}    @{methods}
    FOR    ${method}    IN    @{methods}
        Request Should Be Answered    ${status}    ${method}    ${url}    code=${code}
    END

Metrics Should Be Prometheus Text
    [Documentation]    A service's figures are in the text format of Prometheus, line by line.
    [Arguments]    ${url}
    ${response} =    Request Should Be Answered    200    GET    ${url}/metrics    token=${None}
    Should Start With    ${response.headers}[Content-Type]    text/plain; version\=    the type of ${url}/metrics
    VAR    ${lines}    ${{ [line for line in $response.text.splitlines() if line and line[0] != '#'] }}
    ${figure} =    Evaluate    re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*({.*})? [-+0-9.eNaInf]+').fullmatch
    VAR    ${other}    ${{ list(itertools.filterfalse($figure, $lines)) }}
    Should Be Empty    ${other}    lines of ${url}/metrics that are no figures: ${other}
    Should Be True    len($lines) > 20    ${url}/metrics has hardly any figures

Random Paths Should Make No Time Series
    [Documentation]    Paths and methods that nobody serves, each with a mark of its own, are in no line of a service's figures.
    [Arguments]    ${url}
    ${mark} =    Get Random UUID
    FOR    ${path}    IN    /${mark}    /${mark}/api/me    /api/${mark}    /auth/${mark}
        Request Should Be Answered    404    GET    ${url}${path}
    END
    Ask For    ${{ 'X' + $mark.replace('-', '').upper() }}    ${url}/health
    ${figures} =    Request Should Be Answered    200    GET    ${url}/metrics    token=${None}
    Should Not Contain    ${figures.text.lower()}    ${mark}    a path that nobody serves has figures of its own at ${url}
    Should Not Contain    ${figures.text.lower()}    ${mark.replace('-', '')}    a method of nobody has figures of its own at ${url}

Capabilities Should Hold
    [Documentation]    What is published, to anyone who asks, has these members and these values (paths with dots).
    [Arguments]    @{members}    &{values}
    ${response} =    Request Should Be Answered    200    GET    ${BACKEND_URL}/api/capabilities    token=${None}
    VAR    ${reported}    ${response.json()}
    Members Should Be    the capabilities    ${reported}    @{members}
    FOR    ${path}    ${value}    IN    &{values}
        ${found} =    Evaluate    functools.reduce(lambda held, name: held[name], '${path}'.split('.'), $reported)
        Should Be Equal As Numbers    ${found}    ${value}    ${path} in the capabilities
    END

Mistake Should Be Logged
    [Documentation]    A line of a log has this code, and is ``info``.
    [Arguments]    ${instance}    ${code}
    ${log} =    Get Service Log    ${instance}
    ${lines} =    Evaluate    [(line.get('code'), line['level']) for line in map(json.loads, $log.splitlines())]
    Should Contain    ${lines}    ${{ ($code, 'info') }}    codes and levels of the lines in the log of ${instance}    values=False

Client Mistake Should Be No Error
    [Documentation]    A request that cannot be read is logged as ``info`` with a code; nothing of it is called an error.
    [Arguments]    ${instance}    ${url}
    Send Bytes    ${url}    NO REQUEST AT ALL\r\n\r\n    ca_file=${CA_FILE}    within=5s
    Wait Until Keyword Passes    10s    Log Should Hold    ${instance}    request_refused
    ${log} =    Get Service Log    ${instance}
    ${lines} =    Evaluate    [line for line in map(json.loads, $log.splitlines()) if line['event'] == 'request_refused']
    Should Be Equal    ${lines[-1]}[level]    info    the level of a client's mistake in the log of ${instance}
    Should Be Equal    ${lines[-1]}[code]    invalid_request    the code of a client's mistake in the log of ${instance}
