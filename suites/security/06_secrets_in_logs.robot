*** Settings ***
Documentation       No instance writes a secret into its log, in whatever way the secret came, in a good request or a refused one.
...                 Sources: OWASP ASVS 5.0 16.2.5 (no credentials in logs), RFC 6750 §5.3 (no bearer tokens in URLs), RFC 9700 §4.2.4.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           security    portable    p0    req:X04


*** Test Cases ***
Nothing That Signs Users In Stands In A Log
    [Tags]    id:SE-38    proto:1.42
    ${spent} =    Sign In
    ${user} =    Renew Tokens    ${spent}
    ${wrong} =    Forget Password    ${user}
    Sign In Should Be Refused    ${wrong}
    Sign Out    ${user}
    Wait Until Requests Are Logged    ${user}
    Logs Should Hold No Secret Of    ${spent}    ${user}    ${wrong}

A New Password Stands In No Log
    [Tags]    id:SE-59    proto:1.42
    ${user} =    Sign In
    ${changed} =    Change Password    ${user}
    User Should Be Able To Sign In    ${changed}
    Wait Until Requests Are Logged    ${user}
    Logs Should Hold No Secret Of    ${user}    ${changed}

A Token In A Query Stands In No Log
    [Tags]    id:SE-40    sec:W02
    ${user} =    Sign In
    Send Token In Query    ${user}
    Wait Until Requests Are Logged    ${user}
    Logs Should Hold No Secret Of    ${user}

Logs Name Every Request By Its Id
    [Tags]    id:SE-41    proto:1.27
    ${user} =    Sign In
    Every Log Should Name Requests    ${user}
