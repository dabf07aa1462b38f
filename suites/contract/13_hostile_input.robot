*** Settings ***
Documentation       What only a mistaken or hostile client sends is refused alike by every service, in the words of the standards, costs no
...                 other user anything, and leaves nothing behind that could not be read again.
...                 Sources: RFC 8259, RFC 6265 §4.1.1, RFC 7515 §2, RFC 7519 §2, RFC 9110 §10.2.1 and §13.1.1, RFC 9112 §3.2,
...                 RFC 6455 §4.1 and §4.2.2, RFC 6585 §5, RFC 6749 §6, OWASP ASVS 5.0 9.1 and 4.2;
...                 docs/protocol.md §1, §2.3, §3.1, §4 and §5.
Resource            hostile_input.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Sign In Known User
Test Teardown       Close All Connections
Test Tags           contract    p0    needs:replicas.2


*** Test Cases ***
Every Endpoint Refuses A Token Whose Times Are No Instants
    [Tags]    id:CT-49    req:X02    proto:2.3.13    sec:J06    needs:ws    needs:jwt.signing_key
    [Template]    Every Endpoint Should Refuse Changed Token
    exp    ${{ 10 ** 400 }}
    exp    ${{ math.inf }}
    exp    ${{ math.nan }}
    exp    ${{ str(int(time.time()) + 300) }}
    exp    ${True}
    iat    ${{ 10 ** 400 }}
    iat    ${{ -math.inf }}
    iat    ${True}
    nbf    ${{ '0' }}
    nbf    ${{ -10 ** 400 }}

Every Endpoint Refuses A Token With A Wrong Id
    [Tags]    id:CT-50    req:X02    sec:J07    needs:ws    needs:jwt.signing_key
    [Template]    Every Endpoint Should Refuse Changed Token
    sid    not-a-uuid
    sid    ${{ $USER.session_id.upper() }}
    sid    ${7}
    sub    me
    sub    ${{ '{' + $USER.id + '}' }}

Every Endpoint Refuses Another User's Name On A Session
    [Tags]    id:CT-51    req:X02    req:C02.3    proto:2.3.14    proto:2.3.16    sec:J07    needs:ws    needs:jwt.signing_key
    ${other} =    Create User
    Every Endpoint Should Refuse Changed Token    sub    ${other.id}
    ${token} =    Change Token    ${ACCESS_TOKEN}    sub=${other.id}
    Revoke Token At Auth    ${token}
    Get From    auth    /users/me    ${ACCESS_TOKEN}

A Refresh By Another Client Spends Nothing
    [Tags]    id:CT-52    req:C04.3    proto:2.3.24    sec:O06
    ${refused} =    Refresh As Client    mobile    400
    Should Be Equal    ${refused}[error]    invalid_grant    another client is refused in other words
    ${renewed} =    Refresh As Client    web    200
    Get From    auth    /users/me    ${renewed}[access_token]

JSON That Nests Too Deep Is Refused And Not Stored
    [Tags]    id:CT-53    req:X03    req:C10.2    proto:1.13    needs:session.admin
    ${deep} =    Get Nested List    64
    ${most} =    Get Nested List    63
    Deep Metadata Should Be Refused    ${deep}
    Deep Notification Should Be Refused    ${deep}
    Body Should Be Refused    PUT    ${BACKEND_URL}/api/preferences    ${{ json.dumps({'deep': $deep}) }}
    Put At    backend    /api/preferences    ${{ {'deep': $most} }}    ${ACCESS_TOKEN}    If-Match="0"
    ${read} =    Get From    backend-2    /api/preferences    ${ACCESS_TOKEN}
    Should Be Equal    ${read.json()}    ${{ {'deep': $most} }}    what was stored at the greatest depth is read as something different

A Frame That Nests Too Deep Is Invalid
    [Tags]    id:CT-54    req:R08    req:X03    proto:1.15    needs:ws
    ${deep} =    Get Nested List    200
    Open Chat Socket
    Frame Should Be Invalid    ping    deep=${deep}
    Frame Should Be Invalid    state.update    base_version=${0}    document=${{ {'deep': $deep} }}
    ${state} =    Ask Socket    socket    state.get    state
    Should Be Equal    ${state}[document]    ${{ {} }}    a document that nests too deep was stored

Every Service Refuses What Is No JSON
    [Tags]    id:CT-55    req:X03    req:C01.3    proto:1.12    proto:1.14
    [Template]    No JSON Should Be Refused Everywhere
    NaN
    Infinity
    -Infinity
    1e400
    {"a": -1e400}

A Body In Another Encoding Is Refused
    [Tags]    id:CT-56    req:X03    proto:0.04    proto:1.11
    [Template]    Body Should Be Refused
    PUT    ${BACKEND_URL}/api/preferences    ${{ '{"a": 1}'.encode('utf-16') }}
    PUT    ${PUBLIC_URL}/api/preferences    ${{ codecs.BOM_UTF8 + b'{"a": 1}' }}
    PATCH    ${AUTH_URL}/users/me    ${{ '{"name": "Someone"}'.encode('utf-32') }}

A Cookie That No Server Sets Counts As None
    [Tags]    id:CT-57    req:X03    proto:5.50    sec:S09    needs:oauth.provider
    ${answer} =    Get With Cookie    ${PUBLIC_URL}/api/me    __Host-access="a\\015\\012b"
    Answer Should Be Problem    ${answer}    token_missing
    ${answer} =    Get With Cookie    ${PUBLIC_URL}/auth/google/callback?state=a    __Host-login="a\\015\\012X-Evil: 1"
    Answer Should Be Problem    ${answer}    invalid_state

If-Match Is Read As The Standard Has It
    [Tags]    id:CT-58    req:C10.4    proto:3.1.23    proto:3.1.24    proto:3.1.25    proto:3.1.26
    [Setup]    Sign In With Preferences
    Writes Of Preferences Should Be Answered    412    "01"    W/"1"    "2", "3"    "a,b"
    Writes Of Preferences Should Be Answered    400    1    "1    *, "1"    ${EMPTY}
    Writes Of Preferences Should Be Answered    200    *    "7", "2"    W/"3",, "3"

If-Match In Two Lines Is One List
    [Tags]    id:CT-59    req:C10.4    proto:3.1.23
    [Setup]    Sign In With Preferences
    Preferences Should Be Written Over Lines    "7"    "1"
    Preferences Should Be Written Over Lines    "2"    "7"

A Body Without A Declared Length Has The Same Limit
    [Tags]    id:CT-201    req:X03    proto:1.06
    [Template]    Body In Chunks Should Be Too Large
    ${BACKEND_URL}    PUT /api/preferences    If-Match: "0"
    ${AUTH_URL}    PATCH /users/me

A Conversation Is Not Deleted Over Another Version
    [Tags]    id:CT-60    req:C10.4    proto:3.1.06
    Start Conversation
    ${refused} =    Delete With If-Match    "9"
    Should Be Equal As Integers    ${refused.status_code}    412    the deletion of another version
    ${deleted} =    Delete With If-Match    "9", "1"
    Should Be Equal As Integers    ${deleted.status_code}    204    the deletion of this version

Heads Have One Limit At Every Service
    [Documentation]    A line that never ends, many fields, a long path: 431 and the end of the connection. What is smaller is read, also
    ...    in sockets' handshakes.
    [Tags]    id:CT-61    req:X03    req:C08.4    proto:1.16    proto:1.17    proto:1.18    proto:4.13    sec:J09    needs:ws
    FOR    ${url}    IN    ${AUTH_URL}    ${BACKEND_URL}    ${PUBLIC_URL}    ${PROVIDER_URL}
        Large Heads Should Be Refused    ${url}    /health
    END
    Large Heads Should Be Refused    ${BACKEND_URL}    /ws    @{HANDSHAKE}
    Large Heads Should Be Refused    ${PUBLIC_URL}    /ws    @{HANDSHAKE}
    Large Cookies Should Be Read    ${BACKEND_URL}
    Large Cookies Should Be Read    ${PUBLIC_URL}

A Refused Method Is Answered With Those Allowed
    [Tags]    id:CT-62    req:C01.3    req:X03    proto:1.07    proto:1.08
    [Template]    Allowed Methods Should Be
    ${BACKEND_URL}    PATCH    /api/preferences    GET, PUT
    ${BACKEND_URL}    PUT    /api/conversations    GET, POST
    ${AUTH_URL}    PUT    /users/me    GET, PATCH, DELETE
    ${PUBLIC_URL}    PUT    /api/conversations    GET, POST
    ${PUBLIC_URL}    POST    /login    GET

A Request Names Its Host Once
    [Tags]    id:CT-63    req:X03    proto:1.19
    FOR    ${url}    IN    ${AUTH_URL}    ${BACKEND_URL}    ${PUBLIC_URL}    ${PROVIDER_URL}
        Host Should Be Refused    ${url}
        Host Should Be Refused    ${url}    Host: a    Host: a
        Host Should Be Refused    ${url}    Host: a b
        Host Should Be Refused    ${url}    Host: user@a/b
    END

A Handshake That Breaks The Rules Is Refused
    [Tags]    id:CT-64    req:X03    proto:4.09    proto:4.10    proto:4.11    sec:W03    sec:W07    needs:ws
    ...       needs:control.logs
    FOR    ${url}    IN    ${BACKEND_URL}    ${PUBLIC_URL}
        ${reply} =    Send Handshake    ${url}    Sec-WebSocket-Version: 12    Sec-WebSocket-Key: ${KEY}
        Should Be Equal    ${{ ($reply.status, $reply.headers.get('sec-websocket-version')) }}    ${{ (426, '13') }}
        ...    ${url} answers a handshake of another version otherwise
        ${reply} =    Send Handshake    ${url}    Sec-WebSocket-Version: 13    Sec-WebSocket-Key: short
        Should Be Equal    ${{ ($reply.status, $reply.code) }}    ${{ (400, 'invalid_request') }}    ${url} takes a key that is none
        ${reply} =    Send Handshake    ${url}    Sec-WebSocket-Version: 13    Sec-WebSocket-Key: ${KEY}    Content-Length: 5
        Should Be Equal    ${{ ($reply.status, $reply.code) }}    ${{ (400, 'invalid_request') }}    ${url} answers one with a body
        ${reply} =    Send Handshake    ${url}    Sec-WebSocket-Version: 13    Sec-WebSocket-Key: ${KEY}
        ...    Authorization: Bearer ${ACCESS_TOKEN.value}    body=${TEXT_FRAME}
        Should Be Equal    ${{ ($reply.status, $reply.code) }}    ${{ (400, 'invalid_request') }}
        ...    ${url} takes frames before it has answered the handshake
    END
    Open Chat Socket

A Path With A Slash Too Many Is Unknown
    [Tags]    id:CT-65    req:X03    proto:1.10
    [Template]    Path Should Be Unknown
    ${PUBLIC_URL}    /api/me/
    ${BACKEND_URL}    /api/me/
    ${AUTH_URL}    /users/me/
    ${PROVIDER_URL}    /authorize/

Logins Under Way Fill No Browser
    [Documentation]    Each leaves a cookie; the oldest are removed, and the newest still ends well.
    [Tags]    id:CT-66    req:X03    req:C03.1    proto:5.06    proto:5.49    sec:O04    needs:ws    needs:oauth.provider
    Create Provider Person
    Start Logins In Browser    40
    Flow Cookies Should Be At Most    5
    Browser Should Sign In
    Flow Cookies Should Be At Most    5

Endless Fragments Close Their Socket And Harm No Other User
    [Documentation]    A message that never ends is too large once its parts are, however small each of them is.
    [Tags]    id:CT-140    req:X03    req:C08.4    sec:W07    needs:ws
    Open Socket Of Other User
    FOR    ${url}    IN    ${BACKEND_SOCKET_URL}    ${SOCKET_URL}
        Open Chat Socket    flood    url=${url}
        Send Raw Bytes    ${{ $FIRST_FRAGMENT + $NEXT_FRAGMENT * 70000 }}    flood
        Connection Should Be Closed    flood    code=1009    within=10s
        Other User Should Be Answered
    END

Pings Without A Pause Harm No Other User
    [Tags]    id:CT-141    req:X03    req:C08.4    sec:W07    needs:ws
    Open Socket Of Other User
    FOR    ${url}    IN    ${BACKEND_SOCKET_URL}    ${SOCKET_URL}
        Open Chat Socket    flood    url=${url}
        Send Raw Bytes    ${{ $PING * 20000 }}    flood
        Other User Should Be Answered
        Ask Socket    flood    whoami    me
        Close Connection    flood
    END


*** Keywords ***
Revoke Token At Auth
    [Documentation]    Revokes a token as a client does.
    [Arguments]    ${token}
    VAR    &{form}    token=${token}
    Post Form To    auth    /auth/revoke    ${form}

No JSON Should Be Refused Everywhere
    [Documentation]    A body of JSON but for this value is refused at each service, wherever the value stands.
    [Arguments]    ${value}
    Body Should Be Refused    PUT    ${BACKEND_URL}/api/preferences    {"n": ${value}}
    Body Should Be Refused    PUT    ${PUBLIC_URL}/api/preferences    {"n": ${value}}
    Body Should Be Refused    POST    ${BACKEND_URL}/api/conversations    {"title": "a", "unknown": ${value}}
    Body Should Be Refused    PATCH    ${AUTH_URL}/users/me    {"name": "Someone", "unknown": ${value}}
    Body Should Be Refused    POST    ${BACKEND_URL}/internal/notifications    {"user_id": "${USER.id}", "body": ${value}}
    ...    token=${SERVICE_TOKEN}

Deep Metadata Should Be Refused
    [Documentation]    A login with metadata of this value is refused, and the user's sessions can be listed.
    [Arguments]    ${deep}
    VAR    &{login}    email=${USER.email}    password=${USER.password.value}    metadata=${{ {'deep': $deep} }}
    Body Should Be Refused    POST    ${AUTH_URL}/auth/login    ${{ json.dumps($login) }}
    Get From    auth    /auth/sessions    ${ACCESS_TOKEN}

Deep Notification Should Be Refused
    [Documentation]    A notification of this value is refused, and the user's notifications can be listed.
    [Arguments]    ${deep}
    VAR    &{note}    user_id=${USER.id}    body=${deep}
    Body Should Be Refused    POST    ${BACKEND_URL}/internal/notifications    ${{ json.dumps($note) }}    token=${SERVICE_TOKEN}
    Get From    backend    /api/notifications    ${ACCESS_TOKEN}

Body In Chunks Should Be Too Large
    [Documentation]    A body of 1.3 MB that comes in one chunk, without a declared length, is refused.
    [Arguments]    ${url}    ${request}    @{more}
    VAR    ${body}    {"name": "${{ 'x' * 1_300_000 }}"}
    VAR    @{lines}    Authorization: Bearer ${ACCESS_TOKEN.value}    Connection: close    Content-Type: application/json
    ...    Transfer-Encoding: chunked    @{more}
    VAR    ${chunk}    ${{ format(len($body), 'x') }}
    ${reply} =    Send Head    ${url}    ${request}    @{lines}    body=${{ $CRLF.join([$chunk, $body, '0', '', '']) }}
    Should Be Equal    ${{ ($reply.status, $reply.code) }}    ${{ (413, 'payload_too_large') }}    ${request} of 1.3 MB in chunks

Allowed Methods Should Be
    [Documentation]    This method is refused with 405, and ``Allow`` names these.
    [Arguments]    ${url}    ${method}    ${path}    ${methods}
    ${headers} =    Make Request Headers    token=${ACCESS_TOKEN}
    VAR    &{sent}    headers=${headers}    verify=${VERIFY_TLS_BY}    timeout=${30}
    ${response} =    Evaluate    requests.request($method, $url + $path, **$sent)    modules=requests
    VAR    ${answered}    ${{ ($response.status_code, sorted($response.headers.get('Allow', '').split(', '))) }}
    Should Be Equal    ${answered}    ${{ (405, sorted($methods.split(', '))) }}    ${method} ${url}${path} (status, Allow)

Path Should Be Unknown
    [Documentation]    The path is answered 404, and the answer leads no other place.
    [Arguments]    ${url}    ${path}
    ${reply} =    Send Head    ${url}    GET ${path}    Authorization: Bearer ${ACCESS_TOKEN.value}    Connection: close
    ...    host=Host: evil.example
    Should Be Equal    ${{ ($reply.status, $reply.headers.get('location')) }}    ${{ (404, None) }}    ${url}${path} (status, Location)

Start Logins In Browser
    [Documentation]    Opens frontend's login page so many times in one browser, and ends none.
    [Arguments]    ${count}
    FOR    ${_}    IN RANGE    ${count}
        Browse    browser    /login    status=303
    END

Browser Should Sign In
    [Documentation]    A login in this browser ends on the page, with the cookies of a session.
    ${to_provider} =    Follow Redirects    /login    303    302
    ${page} =    Browse    browser    ${to_provider}
    ${form} =    Read Form    ${page}
    ${to_callback} =    Answer Provider Page    ${form}
    ${ending} =    Follow Redirects    ${to_callback.url}    302
    Browse    browser    ${ending}    status=303
    Should Contain    ${{ [one.name for one in $BROWSER.cookies] }}    __Host-access    the browser is not signed in
