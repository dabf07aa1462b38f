*** Settings ***
Documentation       Redis dies, and Sentinel promotes its replica: sessions, sockets and logins go on, and nothing that had ended lives
...                 again, whatever the replica has missed and whenever the old primary returns.
...                 Sources: Redis replication and Sentinel (asynchronous: a promoted replica may lack what was acknowledged), OWASP ASVS
...                 5.0 7.4.1; docs/protocol.md §2.5.
Resource            fail_over.resource
Test Setup          Open Private Platform    backends=2    sentinel=True
Test Teardown       Leave Private Platform
Test Tags           fail-over    p1    req:K01    needs:redis    needs:replicas.2    needs:session.admin    needs:control.kill


*** Test Cases ***
Sessions Outlive A Fail-over Of Redis
    [Documentation]    The replica has received everything, so Redis is trusted again as it is, at the new address.
    [Tags]    id:K01-01    proto:2.5.55    needs:ws
    Sign In With Two Sessions
    Open Chat Socket
    Kill Service    redis
    Redis Replica Should Take Over
    Session Token Should Be Valid    ${ENDED}    source=redis
    Every Service Should Accept Token
    Socket Should Answer
    Sign In Through Provider Again

A Promoted Replica That Lagged Revives No Session
    [Documentation]    The primary comes back with the data of its last file, and is a primary until Sentinel makes it a replica.
    [Tags]    id:K01-02    proto:2.5.49    proto:2.5.50    sec:S03
    Sign In And Cut Replication
    ${renewed} =    Refresh Session Token    ${ENDED}
    ${other} =    End Another Session
    Kill Service    redis
    Redis Replica Should Take Over
    Replaced Session Token Should Be Dead    ${ENDED}    ${renewed}
    Ended Session Should Stay Ended    ${other}
    Old Primary Should Become Replica
    Ended Session Should Stay Ended    ${other}


*** Keywords ***
Sign In And Cut Replication
    [Documentation]    As `Sign In With Two Sessions`; the primary has it all in its file, and its replica is notified of nothing more.
    Sign In With Two Sessions
    Save Redis
    Cut Redis Replication    replica

Old Primary Should Become Replica
    [Documentation]    The primary that died starts with what its file has, and Sentinel makes it a replica of the new one.
    Start Service    redis
    Redis Role Should Be    replica    within=30s

Replaced Session Token Should Be Dead
    [Documentation]    Of a session token that was replaced nobody knows any more; the one that replaced it is good.
    [Arguments]    ${session}    ${renewed}
    Session Token Should Be Invalid    ${session}    not_found
    Session Token Should Be Valid    ${renewed}[session_token]

End Another Session
    [Documentation]    Ends one more session of the user, which every replica has seen alive, and returns it.
    ${session} =    Create Managed Session    ${USER.id}
    Get From    backend    /api/me    ${session.access_token}
    Get From    backend-2    /api/me    ${session.access_token}
    Revoke Session    ${session}
    RETURN    ${session}

Socket Should Answer
    [Documentation]    The socket that was open before still knows its user.
    ${me} =    Get Socket User
    Should Be Equal    ${me}[id]    ${USER.id}    the socket knows another user
