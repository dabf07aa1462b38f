*** Settings ***
Documentation       No forged token is taken, by whatever trick it was made: each attack is tried at auth, at a replica and on a socket, and
...                 does no harm to whoever comes after it with a good one. Attacks that the critical suites try already are not repeated.
...                 Sources: RFC 8725 (JWT best practice), RFC 9068 §4, RFC 7515 §4 and RFC 7519 §4 (names are unique),
...                 OWASP ASVS 5.0 9.1.1 to 9.2.3; docs/protocol.md §2.3.
Resource            security.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User
Test Teardown       Close All Connections
Test Tags           security    p0    needs:ws    needs:db.auth


*** Variables ***
${KEY_SET_REQUESTS}     http_requests_total{route="/.well-known/jwks.json"}


*** Test Cases ***
A Token Without A Genuine Signature Is Refused Everywhere
    [Tags]    id:SE-26    req:X02    sec:J01    sec:J02    sec:J03    sec:J09
    [Template]    Every Service And Socket Refuses The Forged Token
    tampered claims
    bad base64
    alg None
    alg NONE
    alg nOnE
    hs256 with public key without newline
    hs256 with empty secret

A Token Of A Key That Only The Token Vouches For Is Refused Everywhere
    [Tags]    id:SE-27    req:X02    sec:J04    sec:J05
    [Template]    Every Service And Socket Refuses The Forged Token
    foreign jwk
    foreign jku
    foreign x5u
    traversing kid
    sql kid

A Token That The Real Key Has Signed Is Refused Everywhere Where Anything Is Wrong With It
    [Tags]    id:SE-28    req:X02    sec:J05    sec:J07    sec:J08    sec:J09    needs:jwt.signing_key
    [Template]    Every Service And Socket Refuses The Forged Token
    missing kid
    missing type
    missing issuer
    missing audience
    missing subject
    missing session
    missing expiry
    duplicate claims

A Token Too Long To Be Read Is Refused Everywhere And At Once
    [Documentation]    Longer than a token may be, and shorter than what an HTTP server refuses to read. A socket's handshake is refused for
    ...    its header (RFC 6585 §5).
    [Tags]    id:SE-29    req:X02    sec:J09    needs:jwt.signing_key
    ${long} =    Change Token    ${ACCESS_TOKEN}    filler=${{ 'A' * 6600 }}
    Service Refuses The Token    auth    /users/me    ${long}    token_invalid
    Service Refuses The Token    backend    /api/me    ${long}    token_invalid
    ${deep} =    Forge From My Token    deep json
    Service Refuses The Token    auth    /users/me    ${deep}    token_invalid
    Service Refuses The Token    backend    /api/me    ${deep}    token_invalid
    Socket Handshake Is Refused With    431    ${deep}    ${BACKEND_SOCKET_URL}
    Socket Handshake Is Refused With    431    ${long}    ${SOCKET_URL}

A Body Larger Than Any That Is Wanted Is Refused Before It Is Looked At
    [Tags]    id:SE-30    req:X03
    VAR    &{body}    refresh_token=${{ 'A' * 1200000 }}
    ${response} =    Post To    auth    /auth/refresh    ${body}    status=413
    Answer Should Be A Problem    ${response}    payload_too_large
    ${response} =    Post To    backend    /api/conversations    ${body}    ${ACCESS_TOKEN}    status=413
    Answer Should Be A Problem    ${response}    payload_too_large

A Token Of The Real Key Lets Nobody Into Another User's Session
    [Documentation]    Subject and session of a token belong together, whoever signed it.
    [Tags]    id:SE-31    req:X02    needs:jwt.signing_key
    ${other} =    Create User
    ${mixed} =    Change Token    ${ACCESS_TOKEN}    sid=${other.session_id}
    Service Refuses The Token    auth    /users/me    ${mixed}    token_invalid
    ${unknown} =    Random UUID
    ${sessionless} =    Change Token    ${ACCESS_TOKEN}    sid=${unknown}
    Service Refuses The Token    auth    /users/me    ${sessionless}    session_revoked

After Every Attack A Good Token Is Good
    [Tags]    id:SE-32    req:X02    needs:replicas.2
    Each Attack Is Tried Once
    Every Service Accepts The Token
    Service Should Identify Itself    auth    auth
    Service Should Identify Itself    backend    backend

Tokens Of Unknown Keys Make Backend Ask For The Keys Once A Second At Most
    [Tags]    id:SE-33    req:X02    sec:J05
    ${token} =    Forge From My Token    unknown kid
    ${before} =    Service Metric    auth    ${KEY_SET_REQUESTS}
    Repeat Keyword    40 times    Service Refuses The Token    backend    /api/me    ${token}    token_invalid
    ${after} =    Service Metric    auth    ${KEY_SET_REQUESTS}
    Should Be True    ${after} - ${before} < 20
    ...    40 tokens of unknown keys made the replicas ask auth for its keys ${{ int($after - $before) }} times

Of Twenty Refreshes With One Token At Once One Wins And The Family Ends
    [Documentation]    The others are reuse (docs/protocol.md §2.3): strict, so that a thief and his victim cannot both go on.
    [Tags]    id:SE-34    req:X03    sec:O06
    Repeat Keyword    3 times    A Race For The Next Pair Ends The Family


*** Keywords ***
Each Attack Is Tried Once
    [Documentation]    Every forgery that needs no key, at auth and at a replica at one instant: refused, and no error of the server.
    ${attacks} =    List Attacks    needs_key=${False}
    VAR    @{requests}    @{EMPTY}
    FOR    ${attack}    IN    @{attacks}
        IF    $attack == 'giant token'    CONTINUE
        ${token} =    Forge From My Token    ${attack}
        VAR    &{at_auth}    url=${AUTH_URL}/users/me    token=${token}
        VAR    &{at_backend}    url=${BACKEND_URL}/api/me    token=${token}
        Append To List    ${requests}    ${at_auth}    ${at_backend}
    END
    ${replies} =    Send At Once    ${requests}
    VAR    ${statuses}    ${{ {str(reply.status) for reply in $replies} }}
    Should Be Equal    ${statuses}    ${{ {'401'} }}    forged tokens were answered otherwise than by a refusal

A Race For The Next Pair Ends The Family
    [Documentation]    A new user's refresh token is used twenty times at one instant.
    Sign In A New User
    VAR    &{body}    refresh_token=${REFRESH_TOKEN.value}
    VAR    &{request}    method=POST    url=${AUTH_URL}/auth/refresh    json=${body}
    ${replies} =    Send At Once    ${{ [$request] * 20 }}
    VAR    ${statuses}    ${{ sorted(str(reply.status) for reply in $replies) }}
    Should Be Equal    ${statuses}    ${{ ['200'] + ['400'] * 19 }}    of twenty refreshes with one refresh token other than one won
    VAR    ${won}    ${{ [reply.json for reply in $replies if reply.status == 200][0] }}
    Should Be Stored    auth    status and reason of the family's session in sessions
    ...    SELECT status || ' ' || revoke_reason FROM sessions WHERE id = %s    ${USER.session_id}    revoked refresh_reuse
    Refresh Is Refused With    ${won}[refresh_token]    invalid_grant
    Service Refuses The Token    auth    /users/me    ${won}[access_token]    session_revoked
