*** Settings ***
Documentation       A replica that dies is left out and costs nobody a request; without any the refusal comes at once.
...                 Source: RFC 9110 §15.6.4 and §10.2.3 (503, Retry-After).
Resource            portable/vocabulary.resource
Suite Setup         Use Private Target
Suite Teardown      Leave Target
Test Setup          Sign In At Room
Test Teardown       Close All Sockets
Test Tags           session-sync    portable    p0    req:S06    req:S07


*** Test Cases ***
Requests Fail Only When The Last Replica Dies
    [Tags]    id:S06-02
    ${replicas} =    Get Replicas
    ${watch} =    Watch Endpoints    ${USER}    every=20ms
    Kill Instance    ${replicas}[0]
    Wait For Answers    ${watch}    20
    Endpoints Should Have Been Available    ${watch}    a replica is dead    percent=100
    FOR    ${replica}    IN    @{replicas}[1:]
        Kill Instance    ${replica}
    END
    Front Should Refuse Fast    ${USER}
