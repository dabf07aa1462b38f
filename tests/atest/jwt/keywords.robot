*** Settings ***
Documentation       Each test's documentation is its declared verdict.
Library             JWTLibrary


*** Test Cases ***
A Token Is Read
    [Documentation]    PASS
    ${read} =    Read Token    ${TOKEN}
    Should Be Equal    ${read.header}[kid]    k1
    ${subject} =    Get Token Claim    ${TOKEN}    sub
    Should Be Equal    ${subject}    u1
    Get Token Claim    ${TOKEN}    roles    contains    user
    Get Token Claim    ${TOKEN}    iat    >    1000
    Get Token Header    ${TOKEN}    alg    ==    ES256

A Secret Token Is Read
    [Documentation]    PASS
    VAR    ${wrapped: Secret}    ${{ robot.api.types.Secret($TOKEN) }}
    Get Token Claim    ${wrapped}    sub    ==    u1
    Token Should Be Valid    ${wrapped}    ${JWKS}

A Token With An Odd Number Is Invalid
    [Documentation]    PASS
    FOR    ${expiry}    IN    ${{ float('nan') }}    ${{ float('inf') }}    ${{ 10 ** 400 }}    soon
        VAR    &{claims}    sub=u7    jti=j7    exp=${expiry}
        ${made} =    Make Token    ${claims}    key=${KEY}    kid=k1
        Token Should Be Invalid    ${made}    ${JWKS}    reason=it
    END

An Access Token Without A Subject Is Not Valid
    [Documentation]    FAIL the token is not valid: a required claim is missing: Token is missing the "sub" claim
    VAR    &{claims}    jti=j7
    ${made} =    Make Token    ${claims}    key=${KEY}    kid=k1    lifetime=1 minute
    Token Should Be Valid    ${made}    ${JWKS}

A Wrong Claim Is Shown
    [Documentation]    FAIL Claim 'sub' 'u1' (str) should be 'u2' (str)
    Get Token Claim    ${TOKEN}    sub    ==    u2

A Missing Claim Is Named
    [Documentation]    FAIL the token has no claim 'scope'; it has: aud, email, exp, iat, iss, jti, nbf, roles, sid, sub
    Get Token Claim    ${TOKEN}    scope

A Wrong Header Is Shown
    [Documentation]    FAIL Header parameter 'alg' 'ES256' (str) should be 'RS256' (str)
    Get Token Header    ${TOKEN}    alg    ==    RS256

Garbage Is Not A Token
    [Documentation]    FAIL ValueError: not a JWT: it has 1 segments instead of 3
    Read Token    garbage

Expiry Is Judged
    [Documentation]    PASS
    Token Should Expire In    ${TOKEN}    5 minutes    tolerance=20s

A Wrong Expiry Is Shown
    [Documentation]    FAIL the token expires in * s (at *), not in 60 s ± 2 s
    Token Should Expire In    ${TOKEN}    1 minute

Expiry Is Waited For
    [Documentation]    PASS
    ${short} =    Make Token    ${{ {'sub': 'u7', 'jti': 'j7'} }}    key=${KEY}    kid=k1    lifetime=1.3 seconds
    Token Should Be Valid    ${short}    ${JWKS}
    Wait Until Token Has Expired    ${short}
    Token Should Be Invalid    ${short}    ${JWKS}    reason=it has expired

Far Expiry Is Not Waited For
    [Documentation]    FAIL the token's expiry is * s away, more than 30 s
    Wait Until Token Has Expired    ${TOKEN}

A Rest Of Life Is Waited For
    [Documentation]    PASS
    ${short} =    Make Token    ${{ {} }}    key=${KEY}    kid=k1    lifetime=2 seconds
    Wait Until Token Has Left    ${short}    1500 ms
    Token Should Expire In    ${short}    1500 ms    tolerance=1400 ms
    Run Keyword And Expect Error    the token expires in *    Token Should Expire In    ${short}    2 s    tolerance=400 ms

A Far Rest Of Life Is Not Waited For
    [Documentation]    FAIL 1 s before its expiry is * s away, more than 5 s
    Wait Until Token Has Left    ${TOKEN}    1s    at_most=5s

Equal Claims Are Equal
    [Documentation]    PASS
    ${other} =    Change Token    ${TOKEN}    key=${KEY}    jti=j2
    Claims Should Be Equal    ${TOKEN}    ${other}    ignore=['jti']

Different Claims Are Listed
    [Documentation]    FAIL claims differ in email: 'ünï@example.test' != '(missing)'; jti: 'j1' != 'j2'
    ${other} =    Change Token    ${TOKEN}    key=${KEY}    jti=j2    email=${None}
    Claims Should Be Equal    ${TOKEN}    ${other}

Valid By File And By URL
    [Documentation]    PASS
    Token Should Be Valid    ${TOKEN}    ${JWKS}    issuer=https://a.test    audience=lockstep-api
    ${claims} =    Verify Token    ${TOKEN}    ${JWKS_URL}/jwks
    Should Be Equal    ${claims}[sub]    u1

A JWKS That Does Not Answer Is No Refusal
    [Documentation]    FAIL HTTPError: 404 Client Error: *
    Token Should Be Invalid    ${TOKEN}    ${JWKS_URL}/gone

Another Audience Is Not Valid
    [Documentation]    FAIL the token is not valid: it is for another audience: *
    Token Should Be Valid    ${TOKEN}    ${JWKS}    audience=partner-api

Another Algorithm Is Not Valid
    [Documentation]    FAIL the token is not valid: its algorithm 'ES256' is not one of RS256
    Token Should Be Valid    ${TOKEN}    ${JWKS}    algorithms=['RS256']

An Expired Token Is Invalid
    [Documentation]    PASS
    ${forged} =    Forge Token    ${TOKEN}    expired    key=${KEY}
    Token Should Be Invalid    ${forged}    ${JWKS}    reason=it has expired

A Valid Token Is Not Invalid
    [Documentation]    FAIL the token is valid; its claims are *
    Token Should Be Invalid    ${TOKEN}    ${JWKS}

Invalid For Another Reason
    [Documentation]    FAIL the token is invalid, but not because 'it has expired': its signature does not match: *
    ${forged} =    Forge Token    ${TOKEN}    flipped signature bit
    Token Should Be Invalid    ${forged}    ${JWKS}    reason=it has expired

A Made Token Is Valid
    [Documentation]    PASS
    VAR    &{claims}    sub=u7    jti=j7    aud=lockstep-api
    ${made} =    Make Token    ${claims}    key=${KEY}    kid=k1    lifetime=1 minute
    Token Should Be Valid    ${made}    ${JWKS}    audience=lockstep-api
    Token Should Expire In    ${made}    1 minute

A Key In A File Is All That Another Process Needs
    [Documentation]    PASS
    ${files} =    Make Signing Key    ${KEYS}    kid=k7
    VAR    &{claims}    iss=https://a.test    sub=ünï    jti=j7    aud=lockstep-api
    ${made} =    Make Token    ${claims}    key=${files}[key]    kid=k7    lifetime=1 minute
    ${read} =    Verify Token In Another Process    ${made}    ${files}[jwks]    issuer=https://a.test    audience=lockstep-api
    Claims Should Be Equal    ${read}    ${made}

Another Process Refuses What Is For Somebody Else
    [Documentation]    FAIL the token is not valid: it is for another audience: *
    Verify Token In Another Process    ${TOKEN}    ${JWKS}    audience=partner-api

Another Process Refuses What Is From Somebody Else
    [Documentation]    FAIL the token is not valid: it is from another issuer: *
    Verify Token In Another Process    ${TOKEN}    ${JWKS}    issuer=https://b.test

Another Process That Finds No Keys Is No Refusal
    [Documentation]    FAIL the verifying process ended with status 2: the keys cannot be read: *
    Verify Token In Another Process    ${TOKEN}    ${JWKS}.gone

A Token Without A Key Cannot Be Made
    [Documentation]    FAIL ValueError: no signing key: give key=<PEM or path> or secret=<text>, or use a target that has one
    Make Token    ${{ {} }}

Every Attack Can Be Made
    [Documentation]    PASS
    ${names} =    List Attacks
    FOR    ${name}    IN    @{names}
        ${forged} =    Forge Token    ${TOKEN}    ${name}    key=${KEY}    jwks=${JWKS}
        Should Not Be Equal    ${forged}    ${TOKEN}
    END
