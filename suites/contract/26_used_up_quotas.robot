*** Settings ***
Documentation       What a quota that is used up stops, and what it does not; how long a refresh may be repeated.
...                 Sources: RFC 6585 §4, draft-ietf-httpapi-ratelimit-headers-10; docs/protocol.md §3.2 and §4.
Resource            branches.resource
Resource            promised_stores.resource
Suite Setup         Open Private Platform    backends=1    RATE_LIMIT=30    RATE_LIMIT_BULK=40    ADDRESS_RATE_LIMIT=60    RATE_WINDOW=300
...                     SOCKET_RATE_LIMIT=3    REFRESH_RETRY=2
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Close All Connections
Test Tags           contract    p1    req:C08.1    needs:ratelimit    needs:ws


*** Test Cases ***
A Socket Over Its Quota Is Warned, Refused And Closed
    [Tags]    id:CT-196    req:C08.2    proto:4.73    proto:4.74    proto:4.75    proto:4.76    sec:R04    needs:db.main
    [Setup]    Sign In With Conversation
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    ${answers} =    Send Messages On Socket    8    counted
    Should Be Equal    ${answers}    ${{ ['ack'] * 3 + ['rate_limited'] * 5 }}    answers to messages within the quota and over it
    ${warnings} =    Get Frames    connection=socket    type=warning
    Length Should Be    ${warnings}    1    warnings of a socket over its quota
    ${stored} =    Get Stored Messages    ${CONVERSATION}
    Length Should Be    ${stored}    3    messages that are stored of those within the quota and over it
    Send Message On Socket    late
    Open Socket Should Be Closed With    4029    within=5s

A Warning Names What Is Left Of The Socket's Window
    [Documentation]    Which its first message began, and no later one.
    [Tags]    id:CT-327    req:C08.2    proto:3.2.01    proto:4.73
    [Setup]    Sign In With Conversation
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Send Messages On Socket    1    first
    Wait Until Window Is Older
    Send Messages On Socket    3    more
    Warning Should Name Less Than Window

A Warning Names What Is Left Of The User's Window
    [Documentation]    Which a request began, however late the first message.
    [Tags]    id:CT-328    req:C08.2    proto:3.2.01    proto:3.2.11    proto:4.73
    [Setup]    Sign In With Conversation
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Use Up Quota Of User    30
    Wait Until Window Is Older
    Send Messages On Socket    3    late
    Warning Should Name Less Than Window

A User Over Their Quota Opens No Socket
    [Tags]    id:CT-197    proto:3.2.12    proto:4.12
    ${response} =    Get From    backend    /api/me    ${ACCESS_TOKEN}
    Should Contain    ${response.headers}[RateLimit-Policy]    "user";q\=30;w\=300    the reported policy
    Use Up Quota Of User    30
    Socket Handshake Should Be Refused With    429    url=${BACKEND_SOCKET_URL}    code=rate_limited

A Browser Over Its Quota Stays Signed In
    [Tags]    id:CT-293    req:C08.3    proto:5.18    proto:5.19    needs:db.auth
    Use Up Quota Of Refresh Token    60
    ${response} =    Post With Cookies    /session/refresh    access refresh
    Should Be Equal As Integers    ${response.status_code}    429    a refresh over the quota
    Should Be True    int($response.headers.get('Retry-After', 0)) >= 1    a refresh over the quota has no Retry-After
    Cookies Should Be Left Alone    ${response}
    Session Of User Should Be    active    a refresh over the quota

A Key Repeats A Refresh For Its Time Only
    [Tags]    id:CT-159    req:C04.3    proto:2.3.36    sec:O06    needs:db.auth
    Refresh Should Give    ${REFRESH_TOKEN}    ${KEY}
    Wait Until Token Was Used Before    ${REFRESH_TOKEN}    2
    Refresh Should End Family    ${REFRESH_TOKEN}    ${KEY}

Every Answer Reports The Quota
    [Documentation]    A refusal does so as well, and so does the refusal of a handshake.
    [Tags]    id:CT-323    proto:3.2.16    proto:3.2.17    proto:4.12
    FOR    ${status}    ${path}    IN    404    /api/conversations/no-id    400    /api/conversations?limit=0
        ${response} =    Get From    backend    ${path}    ${ACCESS_TOKEN}    status=${status}
        Should Match Regexp    ${response.headers.get('RateLimit', '')}    ^"user";r=\\d+;t=\\d+$    the quota that a ${status} reports
    END
    Use Up Quota Of User    28
    ${refused} =    Handshake Should Be Refused    ${BACKEND_SOCKET_URL}    429    token=${ACCESS_TOKEN}    subprotocols=${SUBPROTOCOLS}
    VAR    ${fields}    ${{ {name.lower(): value for name, value in dict($refused.headers).items()} }}
    Should Match Regexp    ${{ $fields.get('ratelimit', '') }}    ^"user";r=0;t=\\d+$    the quota that a refused handshake reports
    Should Be True    0 < int($fields.get('retry-after', 0)) <= 300    a refused handshake does not report when to come again

Services And Probes Use Up No Quota
    [Tags]    id:CT-198    proto:3.2.04
    Use Up Quota Of Address    60
    Request Should Be Answered    429    GET    ${BACKEND_URL}/api/capabilities    token=${None}    code=rate_limited
    FOR    ${path}    IN    /health    /metrics    /.well-known/jwks.json    /.well-known/oauth-authorization-server
        Request Should Be Answered    200    GET    ${AUTH_URL}${path}    token=${None}
    END
    Request Should Be Answered    200    GET    ${AUTH_URL}/admin/outbox    token=${SERVICE_TOKEN}
    Request Should Be Answered    200    GET    ${BACKEND_URL}/health    token=${None}
    Request Should Be Answered    200    GET    ${BACKEND_URL}/api/me


*** Keywords ***
Use Up Quota Of Refresh Token
    [Documentation]    Another client tries the current refresh token, which spends nothing, more often than a window takes.
    [Arguments]    ${limit: int}
    VAR    &{form}    grant_type=refresh_token    refresh_token=${REFRESH_TOKEN.value}    client_id=mobile
    VAR    &{request}    method=POST    url=${AUTH_URL}/auth/token    form=${form}
    ${replies} =    Send At Once    ${{ [$request] * (2 * $limit + 1) }}
    Should Contain    ${{ [reply.status for reply in $replies] }}    ${429}    the quota of a refresh token has no end

Use Up Quota Of Address
    [Documentation]    Asks without a token, once after the other, until the quota of this address is used up, so many times at most.
    [Arguments]    ${limit: int}
    Ask Until It Is Refused    ${BACKEND_URL}/api/capabilities    ${{ 2 * $limit + 1 }}

Wait Until Token Was Used Before
    [Documentation]    Waits until the first use of a refresh token lies further back than so many seconds.
    [Arguments]    ${token}    ${seconds: int}
    VAR    ${hash}    ${{ hashlib.sha256($token.value.encode()).hexdigest() }}
    Wait Until Keyword Succeeds    ${seconds + 20}s    200ms    Check Row Count
    ...    SELECT 1 FROM refresh_tokens WHERE encode(token_hash, 'hex') = '${hash}' AND used_at < now() - interval '${seconds} seconds'
    ...    ==    ${1}    alias=auth    assertion_message=the first use of the token is not older

Wait Until Window Is Older
    [Documentation]    A window that has begun has lost a second and a little more when this ends.
    ${moment} =    Make Promise    1.2
    Wait As Promised    ${moment}

Warning Should Name Less Than Window
    [Documentation]    The socket was warned, and is to come again after some time that is no whole window of 300 s.
    ${warning} =    Wait For Json    connection=socket    type=warning    within=5s
    Should Be True    0 < ${warning}[payload][retry_after] < 300
    ...    a warning names ${warning}[payload][retry_after] s though the window of 300 s has begun before
