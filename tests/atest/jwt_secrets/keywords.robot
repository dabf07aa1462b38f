*** Settings ***
Documentation       Each test's documentation is its declared verdict.
Library             JWTLibrary    user=id    session=session    roles=role
Suite Setup         Read Secret


*** Test Cases ***
A Token Of A Secret Is Valid
    [Documentation]    PASS
    Token Should Be Valid    ${TOKEN}    secret=${SECRET}    type=JWT    issuer=shop
    Token Should Be Invalid    ${TOKEN}    secret=another one    type=JWT    reason=its signature does not match

A Token Of Another Secret Is Not Valid
    [Documentation]    FAIL the token is not valid: its signature does not match: it was signed by another secret, or changed
    Token Should Be Valid    ${TOKEN}    secret=a-literal-0123456789    type=JWT

A Token Is Made And Changed
    [Documentation]    PASS
    VAR    &{claims}    id=u7    role=${{ ['editor'] }}
    ${made} =    Make Token    ${claims}    secret=${SECRET}    algorithm=HS512    type=JWT    lifetime=1 minute
    ${changed} =    Change Token    ${made}    secret=${SECRET}    id=u8
    ${read} =    Verify Token    ${changed}    secret=${SECRET}    algorithms=['HS512']    type=JWT
    Should Be Equal    ${read}[id]    u8

The User Is Found By The Platforms Name
    [Documentation]    PASS
    Get Token User    ${TOKEN}    ==    u1
    Get Token Session    ${TOKEN}    ==    s1
    Get Token Roles    ${TOKEN}    contains    editor
    Get Token User    ${TOKEN}    ==    shop    claims={'user': 'iss'}

Another User Is Shown
    [Documentation]    FAIL Claim 'id' 'u1' (str) should be 'u2' (str)
    Get Token User    ${TOKEN}    ==    u2

A Claim That Is Not There Is Named
    [Documentation]    FAIL the token has no claim 'sub'; it has: exp, iat, id, iss, role, session
    Get Token User    ${TOKEN}    claims={'user': 'sub'}

Every Attack That Can Show Something Is Refused
    [Documentation]    PASS
    ${names} =    List Attacks    token=${TOKEN}    row=J02
    ${more} =    List Attacks    token=${TOKEN}    row=J04
    FOR    ${name}    IN    @{names}    @{more}    tampered claims    tampered roles    expired
        ${forged} =    Forge Token    ${TOKEN}    ${name}    secret=${SECRET}
        Token Should Be Invalid    ${forged}    secret=${SECRET}    type=${None}
    END

An Attack That Shows Nothing Is Not Made
    [Documentation]    FAIL ValueError: the attack 'missing kid' would show nothing: the genuine token has no kid
    Forge Token    ${TOKEN}    missing kid    secret=${SECRET}

A Good Secret Is Not Weak
    [Documentation]    PASS
    ${tried} =    Token Secret Should Not Be Weak    ${TOKEN}    secret=${SECRET}    words=['one', 'more']
    Should Be True    ${tried} > 100

A Weak Secret Is Found But Not Shown
    [Documentation]    FAIL the secret that signed the token is among the * that were guessed: anyone who guesses it, too, signs tokens for any user (RFC 8725 §3.5)
    Token Secret Should Not Be Weak    ${WEAK}

A Secret In The Wrong Place Is Not Shown
    [Documentation]    FAIL ValueError: the file of the JWKS cannot be read: No such file or directory; a secret is given as secret=
    Token Should Be Valid    ${TOKEN}    ${SECRET.value}


*** Keywords ***
Read Secret
    VAR    ${SECRET: Secret}    %{SHOP}    scope=SUITE
