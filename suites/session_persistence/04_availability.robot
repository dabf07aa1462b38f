*** Settings ***
Documentation       A user asks every endpoint on and on while instances and stores restart in every way: what another instance can answer
...                 costs less than one request in a thousand; what must stay unanswered is refused as declared, and for a short time.
...                 Sources: RFC 9110 §9.2.2 (idempotent methods may be retried) and §15.6.4 (503).
Resource            portable/vocabulary.resource
Suite Setup         Use Private Target
Suite Teardown      Leave Target
Test Setup          Sign In At Room
Test Teardown       Close All Sockets
Test Tags           session-persistence    portable    p0    req:P06


*** Test Cases ***
Every Endpoint Answers While Instances Are Replaced
    [Tags]    id:P07-01    req:P07    proto:1.31    part:graceful
    ${watch} =    Watch Endpoints    ${USER}    every=25ms
    ${seconds} =    Restart Each Instance    replace
    Wait For Answers    ${watch}    50
    Restarts Should Be Quick    ${seconds}
    Endpoints Should Have Been Available    ${watch}    instances are replaced

A Lost Replica Costs No Request Elsewhere
    [Tags]    id:P07-02    req:P07    proto:5.38    proto:5.40    part:replicas
    ${replicas} =    Get Replicas
    Endpoints Should Be Available While Restarting    replicas are stopped and killed    @{replicas}

A Lost Cache Costs No Request
    [Tags]    id:P07-03    req:P07    part:stores
    ${cache} =    Get Store    cache
    ${watch} =    Watch Endpoints    ${USER}    every=25ms
    VAR    @{stores}    ${cache}
    ${stopped} =    Restart Each Instance    stop    ${stores}
    ${killed} =    Restart Each Instance    kill    ${stores}
    Wait For Answers    ${watch}    50
    Restarts Should Be Quick    ${{ $stopped + $killed }}
    Endpoints Should Have Been Available    ${watch}    the cache is stopped and killed

A Lost Sign-in Service Costs No Request Elsewhere
    [Tags]    id:P07-04    req:P07    part:auth
    ${instance} =    Get Instance That Signs In
    Endpoints Should Be Available While Restarting    the sign-in is stopped and killed    ${instance}

A Lost Database Is Missed Only While It Is Away
    [Tags]    id:P07-05    req:P07    part:stores
    ${database} =    Get Store    database
    Endpoints Should Be Available While Restarting    the database is stopped and killed    ${database}

A Lost Front Costs Only Its Own Requests
    [Tags]    id:P07-06    req:P07    part:frontend
    ${front} =    Get Front Instance
    Endpoints Should Be Available While Restarting    the front is stopped and killed    ${front}

A Session Recovers In Time After Every Restart
    [Documentation]    Restart, resumption and all that the user had, timed together.
    [Tags]    id:P06-01    part:session-recovery
    ${endpoints} =    Get Socket Endpoints
    Send From Device At    ${endpoints}[0]
    ${way} =    Get Gentlest Restart
    FOR    ${how}    IN    stop    kill    ${way}
        ${again} =    Session Should Recover In Time    ${how}    ${endpoints}[0]    ${PHONE}    ${ROOM}
        VAR    ${PHONE}    ${again}
    END
