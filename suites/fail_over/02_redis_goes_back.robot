*** Settings ***
Documentation       Redis refuses to write for seconds, an older copy takes over its address, or it starts again with old data, while all
...                 services stay connected: PostgreSQL decides, and what Redis does not know is sent by no service.
...                 Sources: Redis replication (READONLY, REPLICAOF), Redis persistence; docs/protocol.md §2.5, §3.1.
Resource            fail_over.resource
Suite Setup         Open Private Platform    backends=2    redis_replica=True
Suite Teardown      Leave Private Platform
Test Setup          Sign In With Two Sessions
Test Teardown       Restore Redis
Test Tags           fail-over    p1    req:K01    needs:redis    needs:replicas.2    needs:session.admin


*** Test Cases ***
Sessions End While Redis Refuses Writes
    [Documentation]    Redis still has the session, and cannot be notified that it has ended.
    [Tags]    id:K01-03    proto:2.5.53    proto:3.1.41
    Make Redis Replica
    Revoke Session    ${ENDED}
    Session Should Be Found By Database    ${ACTIVE}
    Ended Session Should Stay Ended    ${ENDED}    within=3s
    Provider Login Should Fail As Unavailable
    Promote Redis
    Session Token Should Be Invalid    ${ENDED}    revoked
    Redis Should Lack Session    ${ENDED}
    Sign In Through Provider Again

An Older Replica Takes Over And Revives No Session
    [Documentation]    An operator promotes a replica that lagged, and lets the primary follow it.
    [Tags]    id:K01-04    proto:2.5.49    proto:2.5.51
    Cut Redis Replication    replica
    Revoke Session    ${ENDED}
    Promote Redis    replica
    Make Redis Replica    ${REDIS_REPLICA_URL}
    Redis Role Should Be    replica    within=10s
    Ended Session Should Stay Ended    ${ENDED}
    Promote Redis
    Ended Session Should Stay Ended    ${ENDED}
    Redis Should Lack Session    ${ENDED}

A Redis That Starts With Old Data Revives No Session
    [Documentation]    All services stay, and connect again.
    [Tags]    id:K01-05    proto:2.5.49    proto:2.5.51    needs:control.kill
    Set Redis Value    kept    in the file
    Save Redis
    Revoke Session    ${ENDED}
    Redis Should Lack Session    ${ENDED}
    Kill Service    redis
    Start Service    redis
    Redis Key Should Exist    kept    within=5s
    Ended Session Should Stay Ended    ${ENDED}
    Session Should Be Found By Redis    ${ACTIVE}


*** Keywords ***
Session Should Be Found By Database
    [Documentation]    Auth comes to validate a session by PostgreSQL, since it does not trust Redis.
    [Arguments]    ${session}
    Wait Until Keyword Passes    10s    Session Token Should Be Valid    ${session}    source=database

Provider Login Should Fail As Unavailable
    [Documentation]    A login through the provider cannot begin, and its answer names Redis and when to come back.
    VAR    ${query}    client_id=web&redirect_uri=${PUBLIC_URL}/login/callback&state=s
    VAR    ${challenge}    code_challenge=${CHALLENGE}&code_challenge_method=S256
    ${response} =    Get From    frontend    /auth/google?${query}&${challenge}    status=503
    Answer Should Be Problem    ${response}    redis_unavailable
    Should Be True    int($response.headers['Retry-After']) >= 1    the answer does not say when to come back

Restore Redis
    [Documentation]    For a teardown: Redis runs and is a primary, its replica follows it, and auth trusts it.
    Close All Connections
    Run Keyword And Ignore Error    Start Service    redis
    Promote Redis
    Configure Redis    masterauth    ${EMPTY}    connection=replica
    Make Redis Replica    ${REDIS_URL}    connection=replica
    Redis Role Should Be    replica    within=10s    connection=replica
    Session Should Be Found By Redis    ${ACTIVE}
    Disconnect From Redis
