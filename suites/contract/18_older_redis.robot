*** Settings ***
Documentation       PostgreSQL decides: a Redis that went back in time, after a fail-over to a replica that lagged behind or a restart from
...                 an older dump, brings nothing back to life that had ended, and ends nothing that lives.
...                 Sources: OWASP ASVS 5.0 7.4.1, Redis replication (asynchronous: a promoted replica may lack what was acknowledged);
...                 docs/protocol.md §2.5.
Resource            platform.resource
Resource            auth.resource
Resource            oauth.resource
Resource            older_redis.resource
Resource            sessions.resource
Suite Setup         Open Private Platform    backends=2
Suite Teardown      Leave Platform
Test Setup          Sign In With Session To End
Test Teardown       Close All Connections
Test Tags           contract    p0    req:S06    needs:redis    needs:session.admin    needs:replicas.2


*** Test Cases ***
A Redis That Went Back Revives No Revoked Session
    [Tags]    id:CT-45    proto:2.5.49    proto:2.5.51    sec:S03    needs:ws
    ${copy} =    Get Redis Copy
    Revoke Session    ${ENDED}
    Every Service Should Refuse Token    ${ENDED.access_token}    session_revoked
    Restore Redis Copy    ${copy}
    Auth Should Refuse Ended Session    ${ENDED.access_token}
    Every Service Should Refuse Token    ${ENDED.access_token}    session_revoked
    Introspection Should Deny    ${ENDED.access_token}
    Session Token Should Be Invalid    ${ENDED}    revoked
    Redis Should Lack Session    ${ENDED}
    Get From    auth    /users/me    ${ACCESS_TOKEN}

A Redis That Went Back Revives No Replaced Session Token
    [Tags]    id:CT-46    proto:2.5.50    sec:S01
    ${copy} =    Get Redis Copy
    ${renewed} =    Refresh Session Token    ${ENDED}
    Restore Redis Copy    ${copy}
    Session Token Should Be Invalid    ${ENDED}    not_found
    Session Token Should Be Valid    ${renewed}[session_token]

A Redis That Went Back Beside Auth Revives Nothing
    [Tags]    id:CT-47    proto:2.5.49    sec:S03    needs:control.kill
    ${copy} =    Get Redis Copy
    Revoke Session    ${ENDED}
    Wait Until Purge Is Written Down    ${ENDED}
    Kill Service    auth
    Restore Redis Copy    ${copy}
    Start Service    auth
    Auth Should Refuse Ended Session    ${ENDED.access_token}
    Session Token Should Be Invalid    ${ENDED}    revoked
    Get From    auth    /users/me    ${ACCESS_TOKEN}

A Code Spent Before Redis Went Back Buys Nothing Again
    [Tags]    id:CT-48    proto:2.5.52    sec:O02    needs:oauth.provider
    Create Provider Person
    ${code} =    Follow Login To Code
    ${copy} =    Get Redis Copy
    ${tokens} =    Exchange Code    ${code}
    Restore Redis Copy    ${copy}
    Exchange Should Be Refused    ${code}
    Auth Should Refuse Ended Session    ${tokens}[access_token]


*** Keywords ***
Wait Until Purge Is Written Down
    [Documentation]    Waits until auth has written down that Redis knows of the session's end.
    [Arguments]    ${session}
    Wait Until Keyword Passes    5s    Check Row Count
    ...    SELECT 1 FROM cache_purges WHERE session_id = '${session.session_id}'    ==    0    alias=auth
    ...    assertion_message=auth has not written down that Redis knows of the session's end
