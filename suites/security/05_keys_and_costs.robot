*** Settings ***
Documentation       The keys by which tokens are verified are published as public ones, where clients look for them.
...                 Sources: RFC 7517 §9.2 (no private keys), RFC 8414 §2 (metadata), RFC 8725 §3.10 (keys by kid).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Tags           security    portable    p1    req:X02


*** Test Cases ***
Published Keys Are Public
    [Tags]    id:SE-36    proto:2.4.25    proto:2.4.26
    ${user} =    Sign In
    Published Keys Should Be Public    ${user}

The Metadata Names The Published Keys
    [Tags]    id:SE-61    proto:2.4.27
    ${user} =    Sign In
    Metadata Should Name Published Keys    ${user}
