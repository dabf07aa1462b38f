*** Settings ***
Documentation       Somebody asks on and on while every service is restarted in every way: graceful ways, and whatever another replica can
...                 answer for, cost less than one request in a thousand; what must stay unanswered is refused with its reason, and not
...                 for longer than a session may take to recover. Each figure is on the area's result sheet.
...                 Sources: RFC 9110 §9.2.2 (idempotent methods may be retried) and §15.6.4 (503); docs/protocol.md §5.
Resource            platform.resource
Resource            persistence.resource
Suite Setup         Use A Private Platform    backends=2
Suite Teardown      Leave The Platform
Test Setup          Something Is To Outlive A Restart
Test Teardown       The Budgets Hold
Test Tags           session-persistence    p0    req:P06    needs:control.kill    needs:replicas.2


*** Test Cases ***
No Door Is Closed While Every Service Is Replaced
    [Tags]    id:P07-01    req:P07    part:graceful    needs:control.restart
    Somebody Asks On And On
    Restart For Real    replace    backend-1    backend-2    auth    frontend
    Wait For Probe Answers    50
    Doors Stayed Open    services are replaced    backend    auth    replica

A Replica That Is Stopped Or Killed Costs No Request That The Other Can Answer
    [Tags]    id:P07-02    req:P07    part:replicas
    Somebody Asks On And On
    Restart For Real    stop    backend-1    backend-2
    Kill Until It Is Missed    backend-1    replica
    Restart For Real    kill    backend-2
    Wait For Probe Answers    50
    Doors Stayed Open    replicas are stopped and killed    backend    auth
    Door Said Why It Was Closed    replica    the only replica is stopped and killed    no answer

Redis May Be Stopped Or Killed And Every Door Stays Open
    [Tags]    id:P07-03    req:P07    part:stores    needs:redis
    Somebody Asks On And On
    Restart For Real    stop    redis
    Restart For Real    kill    redis
    Wait For Probe Answers    50
    Doors Stayed Open    Redis is stopped and killed    backend    auth    replica

An Auth That Is Stopped Or Killed Says So And Closes No Door Of Backend
    [Tags]    id:P07-04    req:P07    part:auth
    Somebody Asks On And On
    Restart For Real    stop    auth
    Kill Until It Is Missed    auth    auth
    Wait For Probe Answers    50
    Doors Stayed Open    auth is stopped and killed    backend    replica
    Door Said Why It Was Closed    auth    the only auth is stopped and killed    auth_unavailable

A PostgreSQL That Is Stopped Or Killed Is Named And Missed No Longer Than It Is Away
    [Tags]    id:P07-05    req:P07    part:stores
    Somebody Asks On And On
    Restart For Real    stop    postgres
    Kill Until It Is Missed    postgres    auth
    Wait For Probe Answers    50
    Door Said Why It Was Closed    auth    PostgreSQL is stopped and killed    database_unavailable

A Frontend That Is Stopped Or Killed Closes No Door But Its Own
    [Tags]    id:P07-06    req:P07    part:frontend
    Somebody Asks On And On
    Restart For Real    stop    frontend
    Kill Until It Is Missed    frontend    backend
    Wait For Probe Answers    50
    Doors Stayed Open    frontend is stopped and killed    replica
    Door Said Why It Was Closed    backend    the only frontend is stopped and killed    no answer

The Session Is Back Within Its Budget After Every Kind Of Restart
    [Documentation]    Restart, resumption and all that the user sees, timed together.
    [Tags]    id:P06-01    part:session-recovery    needs:ws    needs:ws.resume    needs:db.auth
    Settle In
    The Session Recovers From A Restart    stop
    The Session Recovers From A Restart    kill
    The Session Recovers From A Restart    replace
