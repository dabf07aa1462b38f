*** Settings ***
Documentation       No forged token is taken, by whatever trick it was made: each attack is tried at each endpoint and on its sockets, and
...                 does no harm to those who come after it with a good one. Attacks that the critical suites try already are not
...                 repeated.
...                 Sources: RFC 8725 (JWT best practice), RFC 9068 §4, RFC 7515 §4 and RFC 7519 §4 (names are unique),
...                 OWASP ASVS 5.0 9.1.1 to 9.2.3.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           security    p0    portable


*** Test Cases ***
A Token Without A Genuine Signature Is Refused Everywhere
    [Tags]    id:SE-26    req:X02    proto:2.3.05    sec:J01    sec:J02    sec:J03    sec:J09
    ${user} =    Sign In
    Every Endpoint Should Refuse Forgeries    ${user}    tampered claims    bad base64    alg None    alg NONE    alg nOnE
    ...    hs256 with public key without newline    hs256 with empty secret

A Token That Was Taken Is Refused With Another Signature
    [Documentation]    What an instance remembers of a token that it has verified is good for that token alone.
    [Tags]    id:SE-91    req:X02    proto:2.3.05    sec:J01
    ${user} =    Sign In
    Every Endpoint Should Recognise User    ${user}
    Every Endpoint Should Refuse Forgeries    ${user}    flipped signature bit    empty signature    tampered claims
    Every Endpoint Should Recognise User    ${user}

No Token Is Verified By A Key That It Brings
    [Tags]    id:SE-27    req:X02    proto:2.3.08    sec:J04    sec:J05
    ${user} =    Sign In
    Every Endpoint Should Refuse Forgeries    ${user}    foreign jwk    foreign jku    foreign x5u    traversing kid    sql kid

A Signed Token Is Refused Where Anything Is Wrong
    [Documentation]    The target's own key has signed each of them.
    [Tags]    id:SE-28    req:X02    proto:2.3.06    proto:2.3.09    sec:J05    sec:J07    sec:J08    sec:J09
    ${user} =    Sign In
    Every Endpoint Should Refuse Forgeries    ${user}    missing kid    missing type    missing issuer    missing audience
    ...    missing subject    missing session    missing expiry    duplicate claims    critical extension

Signed Tokens With Odd Key Ids Or Times Are Refused
    [Documentation]    The target's own key has signed each of them; what is written where a text or number belongs is something different.
    [Tags]    id:SE-64    req:X02    proto:2.3.10    sec:J05    sec:J06    sec:J07
    ${user} =    Sign In
    Every Endpoint Should Refuse Forgeries    ${user}    null kid    list kid    numeric kid    text expiry    nan expiry
    ...    infinite expiry    huge expiry    other audiences

No Common Word Signs A Token
    [Tags]    id:SE-65    req:X02    proto:2.3.05    sec:J03    sec:J11
    ${user} =    Sign In
    Common Secrets Should Sign No Token    ${user}
    Every Endpoint Should Recognise User    ${user}

A Body Larger Than Any That Is Wanted Is Refused
    [Tags]    id:SE-30    req:X03    proto:1.06
    ${user} =    Sign In
    Oversized Requests Should Be Refused    ${user}

A Signed Token Opens No Other User's Session
    [Documentation]    User and session of a token belong together, no matter who signed it.
    [Tags]    id:SE-31    req:X02    proto:2.3.14    proto:2.3.15
    ${user} =    Sign In
    ${other} =    Sign In
    ${mixed} =    Put Session In Token    ${user}    ${other}
    Every Endpoint Should Refuse Token    ${mixed}    wrong_session
    ${unknown} =    Put Session In Token    ${user}
    Every Endpoint Should Refuse Token    ${unknown}    wrong_session
    Every Endpoint Should Recognise User    ${user}

A Good Token Is Good After Every Attack
    [Tags]    id:SE-32    req:X02    req:T21
    ${user} =    Sign In
    Every Endpoint Should Refuse Forged Tokens    ${user}    at_once=True
    Every Endpoint Should Open Socket For User    ${user}
    Every Endpoint Should Name Its Service

Parallel Refreshes Have One Winner And End The Family
    [Documentation]    The others are reuse: strict, so that a thief and the user cannot both go on.
    [Tags]    id:SE-34    req:X03    req:T23    proto:2.3.27    proto:2.3.28    sec:O06
    Repeat Keyword    5 times    Parallel Refresh Should End Family


*** Keywords ***
Parallel Refresh Should End Family
    [Documentation]    Of twenty refreshes at one instant with one token as many succeed as is promised, and reuse ends the family where
    ...    that is promised. One round may miss a race.
    ${user} =    Sign In
    ${won} =    Parallel Refresh Should Be Safe    ${user}    times=20
    Family Should End After Reuse    ${won}[-1]
