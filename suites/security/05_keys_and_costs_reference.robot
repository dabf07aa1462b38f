*** Settings ***
Documentation       Signing keys change while every user goes on: the new key is known everywhere at once, the former one for as long as it
...                 was granted and not longer. Where passwords cost what they should, the time of an answer tells nothing.
...                 Sources: RFC 7517 §4.5 (kid), RFC 8725 §3.10 (keys by kid), OWASP ASVS 5.0 11.2.2 (keys can be replaced) and 6.3.8
...                 (no telling which users exist); docs/protocol.md §2.3 to §2.5.
Library             BudgetLibrary
Resource            oauth.resource
Resource            security.resource
Suite Setup         Open Private Platform    backends=2    PASSWORD_PASSES=6    PASSWORD_MEMORY_KIB=19456
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Close All Connections
Test Tags           security    p1    needs:session.admin    needs:ws    needs:replicas.2


*** Test Cases ***
A New Signing Key Is Known Everywhere At Once
    [Tags]    id:SE-35    req:X02    proto:2.5.24    proto:2.5.25    sec:J10
    Every Service Should Accept Token
    VAR    ${former}    ${ACCESS_TOKEN}
    Rotate Key Of Auth    grace=${600}
    New Login Should Be Signed With New Key
    Every Service Should Accept Token
    Every Service Should Still Accept    ${former}
    Rotate Key Of Auth    grace=${0.5}
    Key Should Become Unknown Everywhere    ${ACCESS_TOKEN}
    Every Service Should Still Accept    ${former}
    New Login Should Be Signed With New Key

Each Of Two Rotations Is Known Within Seconds
    [Documentation]    Backend asks for a key that it misses once a second at most.
    [Tags]    id:SE-100    req:X02    proto:2.5.24    sec:J10
    FOR    ${_}    IN RANGE    2
        Rotate Key Of Auth    grace=${600}
        New Login Should Be Signed With New Key
        Wait Until Keyword Passes    4s    Every Service Should Accept Token
    END

A Key Without Grace Is Forgotten At Once
    [Documentation]    Also for a token that every service has taken before.
    [Tags]    id:SE-96    req:X02    proto:2.5.25    sec:J05
    VAR    ${former}    ${ACCESS_TOKEN}
    Every Service Should Still Accept    ${former}
    Rotate Key Of Auth    ${0}
    Service Should Refuse Token    auth    /users/me    ${former}    token_invalid
    Key Should Become Unknown Everywhere    ${former}

The Provider's New Key Is Taken At Once
    [Documentation]    The provider makes another signing key when it starts; auth, which holds the former one, asks for its keys again.
    [Tags]    id:SE-94    req:C01.3    proto:2.2.35    sec:J06    needs:oauth.provider    needs:control.restart
    [Setup]    Create Provider Person
    Sign In Through Provider
    Restart Service    provider
    Create Provider Person
    Sign In Through Provider

The Time Of A Refusal Reveals No Account
    [Documentation]    The shortest of several tries is what the work itself takes, however busy the machine is.
    [Tags]    id:SE-37    req:X03    proto:2.4.05    sec:R05
    ${wrong}    ${unknown} =    Measure Shortest Refused Login    8
    Should Be True    ${unknown} > ${wrong} / 3
    ...    an unknown e-mail is refused within ${unknown} ms, a wrong password within ${wrong} ms: the time tells who has an account
    Should Be True    ${unknown} < ${wrong} * 3
    ...    an unknown e-mail is refused within ${unknown} ms, a wrong password within ${wrong} ms: the time tells who has no account


*** Keywords ***
Rotate Key Of Auth
    [Documentation]    Auth signs with a new key from now on: sets ``KID``. The former one verifies for so many seconds more.
    [Arguments]    ${grace}
    ${response} =    Post To    auth    /admin/keys/rotate    ${{ {'grace': $grace} }}    ${SERVICE_TOKEN}
    ${before} =    Get Token Header    ${ACCESS_TOKEN}    kid
    Should Not Be Equal    ${response.json()}[kid]    ${before}    the rotation has made no new key
    VAR    ${KID}    ${response.json()}[kid]    scope=TEST

New Login Should Be Signed With New Key
    [Documentation]    The current user signs in again: their token names the newest key.
    ${again} =    Log In Again    ${USER}
    VAR    ${ACCESS_TOKEN}    ${again.access_token}    scope=TEST
    Get Token Header    ${ACCESS_TOKEN}    kid    ==    ${KID}

Every Service Should Still Accept
    [Documentation]    Auth, both replicas, frontend and a socket take this token.
    [Arguments]    ${token}
    FOR    ${service}    ${path}    IN    auth    /users/me    backend    /api/me    backend-2    /api/me    frontend    /api/me
        ${response} =    Get From    ${service}    ${path}    ${token}    status=anything
        Should Be Equal As Integers    ${response.status_code}    200    ${service} no longer takes a token of a key in its grace
    END
    Open Chat Socket    alias=former key    token=${token}
    Close Connection    former key

Key Should Become Unknown Everywhere
    [Documentation]    No service takes this token any more once the replicas have asked for the keys again, and no key of its name is
    ...    published.
    [Arguments]    ${token}
    ${kid} =    Get Token Header    ${token}    kid
    Wait Until Keyword Passes    20s    Key Should Be Unknown Everywhere    ${token}
    ${response} =    Get From    auth    /.well-known/jwks.json
    VAR    ${published}    ${{ [key['kid'] for key in $response.json()['keys']] }}
    Should Not Contain    ${published}    ${kid}    auth still publishes the key that was to be forgotten
    Socket Should Refuse Token    ${token}    token_invalid

Key Should Be Unknown Everywhere
    [Documentation]    One attempt. A token of a key that nobody knows makes each replica ask for the keys, so that nobody need wait for the
    ...    next time that it does so by itself.
    [Arguments]    ${token}
    ${unknown} =    Forge From My Token    unknown kid
    Get From    backend    /api/me    ${unknown}    status=401
    Get From    backend-2    /api/me    ${unknown}    status=401
    FOR    ${service}    ${path}    IN    auth    /users/me    backend    /api/me    backend-2    /api/me    frontend    /api/me
        ${response} =    Get From    ${service}    ${path}    ${token}    status=anything
        Should Be Equal As Integers    ${response.status_code}    401    ${service} still takes a token of a key that was to be forgotten
        Answer Should Be Problem    ${response}    token_invalid
    END

Measure Shortest Refused Login
    [Documentation]    The shortest time, in milliseconds, that a refused login took for the user with a wrong password, and for an e-mail
    ...    that nobody has, each tried so often in turn.
    [Arguments]    ${times: int}
    VAR    @{wrong}    @{EMPTY}
    VAR    @{unknown}    @{EMPTY}
    FOR    ${_}    IN RANGE    ${times}
        ${one} =    Post Login    ${USER.email}    a-wrong-password    status=401
        ${other} =    Post Login    nobody-${USER.id}@example.test    a-wrong-password    status=401
        Append To List    ${wrong}    ${{ $one.elapsed.total_seconds() * 1000 }}
        Append To List    ${unknown}    ${{ $other.elapsed.total_seconds() * 1000 }}
    END
    RETURN    ${{ min($wrong) }}    ${{ min($unknown) }}
