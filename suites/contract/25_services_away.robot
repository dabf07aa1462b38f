*** Settings ***
Documentation       What is answered while another service is away, stands still or breaks off, and what an internal error tells.
...                 Sources: RFC 9110 §9.2.2 and §15.6.4, RFC 9457; docs/protocol.md §1, §2.2, §3.3 and §5.
Resource            promised_stores.resource
Suite Setup         Open Private Platform    backends=2    proxies=auth->backend,backend->auth,frontend->backend-1,frontend->backend-2
Suite Teardown      Leave Platform
Test Setup          Sign In New User
Test Teardown       Run Keywords    Heal All    AND    Close All Connections
Test Tags           contract    p1    needs:replicas.2    needs:net.faults    needs:db.main


*** Test Cases ***
A Login Ends Though Backend Is Out Of Reach
    [Tags]    id:CT-190    req:C07.3    proto:2.2.34    proto:3.3.06    needs:oauth.provider
    [Setup]    Create Provider Person
    Cut Connection    auth->backend
    Sign In Through Provider
    Check Row Count    SELECT 1 FROM userbase WHERE id = '${USER_ID}'    ==    0    alias=main
    ${me} =    Get From    backend    /api/me    ${ACCESS_TOKEN}
    Should Be Equal    ${{ [$me.json()['id'], $me.json()['email']] }}    ${{ [$USER_ID, $PERSON.email] }}    who backend says the user is
    Check Row Count    SELECT 1 FROM userbase WHERE id = '${USER_ID}'    ==    1    alias=main

An Unknown User Without Auth Is A Problem Of Auth
    [Tags]    id:CT-191    req:C06.1    proto:1.25    proto:1.26    proto:3.3.07
    Get From    backend    /api/me    ${ACCESS_TOKEN}
    Cut Connection    auth->backend
    Sign In New User
    Cut Connection    backend->auth
    ${response} =    Get From    backend    /api/me    ${ACCESS_TOKEN}    status=anything
    Should Be Equal As Integers    ${response.status_code}    503    the status of a user of whom backend cannot ask
    Answer Should Be Problem    ${response}    auth_unavailable
    Should Be True    int($response.headers['Retry-After']) >= 1    no Retry-After

An Answer That Breaks Off Is Asked For Again
    [Tags]    id:CT-192    req:P07    proto:1.37
    ${before} =    Get Service Metric    frontend    frontend_repeated_total{service="backend"}
    ${replies} =    Ask While Replica Breaks Off    100    Get Replies Through Frontend    20    GET    /api/me
    Statuses Should Be Among    requests while a replica breaks off    ${replies}    200
    ${bodies} =    Evaluate    {reply.json['id'] for reply in $replies}
    Should Be Equal    ${bodies}    ${{ {$USER.id} }}    answers of a replica that breaks off
    ${after} =    Get Service Metric    frontend    frontend_repeated_total{service="backend"}
    Should Be True    ${after} > ${before}    no repetition was counted

A Cut Body Of An Answer Is Asked For Again
    [Documentation]    Its head has come, and it would have had 50 KiB.
    [Tags]    id:CT-332    req:P07    proto:5.39
    [Setup]    Sign In With Conversation
    FOR    ${body}    IN    first    second    third    fourth
        Post To    backend    /api/conversations/${CONVERSATION}/messages    ${{ {'body': $body.ljust(12_500, '.')} }}    ${ACCESS_TOKEN}
        ...    status=201
    END
    ${replies} =    Ask While Replica Breaks Off    20000    Get Replies Through Frontend    10    GET
    ...    /api/conversations/${CONVERSATION}/messages
    Statuses Should Be Among    requests while a replica breaks off    ${replies}    200
    ${counts} =    Evaluate    {len(reply.json['messages']) for reply in $replies}
    Should Be Equal    ${counts}    ${{ {4} }}    messages in answers of a replica that breaks off

A Deletion Whose Answer Is Lost Is Not Repeated
    [Tags]    id:CT-202    req:P07    proto:5.40
    ${before} =    Get Service Metric    frontend    frontend_repeated_total{service="backend"}
    ${replies} =    Ask While Replica Breaks Off    10    Delete Conversations Through Frontend    6
    Statuses Should Be Among    deletions while a replica breaks off    ${replies}    204    backend_unavailable
    ${after} =    Get Service Metric    frontend    frontend_repeated_total{service="backend"}
    Should Be Equal    ${after}    ${before}    deletions that were repeated

A Request That Fails Twice Was Repeated Once
    [Documentation]    Both replicas break off: the metric counts what was sent a second time, not what has failed.
    [Tags]    id:CT-379    req:P07    proto:1.37
    ${repeated} =    Count Repetitions Of One Request
    Should Be Equal As Integers    ${repeated}    1    repetitions of a request that no replica answers

A Silent Replica Holds Up Nobody For Long
    [Documentation]    It takes connections and answers nothing: what may be repeated is answered by the other, all the rest 503.
    [Tags]    id:CT-193    req:P07    proto:5.46    needs:control.pause
    Get From    frontend    /api/me    ${ACCESS_TOKEN}
    Pause Service    backend-1
    ${replies}    ${seconds} =    Get Replies Through Frontend    10    GET    /api/me
    Statuses Should Be Among    requests while a replica is silent    ${replies}    200
    Should Be True    ${seconds} < 10    requests waited ${seconds} s for a replica that answers nobody
    Resume Service    backend-1
    Wait Until Keyword Passes    20s    Get From    backend    /api/me    ${ACCESS_TOKEN}
    [Teardown]    Run Keywords    Run Keyword And Ignore Error    Resume Service    backend-1    AND    Close All Connections

An Internal Error Shows Nothing Of Its Cause
    [Tags]    id:CT-194    req:X03    proto:1.02    proto:1.44    needs:control.logs
    ${request} =    Get Random UUID
    Get From    backend    /api/preferences    ${ACCESS_TOKEN}
    Execute Sql String    ALTER TABLE preferences RENAME TO hidden    alias=main
    ${response} =    Ask For    GET    ${BACKEND_URL}/api/preferences    X-Request-Id=${request}
    Execute Sql String    ALTER TABLE hidden RENAME TO preferences    alias=main
    Log    ${response.status_code} ${response.text}
    Should Be True    ${response.status_code} >= 500    what a table that is gone is answered with
    Should Not Contain Any    ${response.text}    Traceback    psycopg    SELECT    preferences"    File
    ${lines} =    Read Lines Of Log    backend-1    ${request}
    Should Contain    ${{ [line['level'] for line in $lines] }}    error    levels of the log lines of an internal error

A Write To A Silent Replica Is Not Repeated
    [Tags]    id:CT-195    req:P07    proto:5.47    needs:control.pause
    Get From    frontend    /api/me    ${ACCESS_TOKEN}
    Pause Service    backend-1
    ${replies}    ${seconds} =    Get Replies Through Frontend    10    POST    /api/conversations    ${{ {'title': 'Once'} }}
    Resume Service    backend-1
    Statuses Should Be Among    writes while a replica is silent    ${replies}    201    backend_unavailable
    Should Be True    ${seconds} < 10    writes waited ${seconds} s for a replica that answers nobody
    Wait Until Keyword Passes    20s    Get From    backend    /api/me    ${ACCESS_TOKEN}
    [Teardown]    Run Keywords    Run Keyword And Ignore Error    Resume Service    backend-1    AND    Close All Connections

An Internal Error Closes Its Socket With 1011
    [Tags]    id:CT-199    req:X03    proto:4.100    needs:ws
    Open Chat Socket    url=${BACKEND_SOCKET_URL}
    Execute Sql String    ALTER TABLE session_state RENAME TO hidden    alias=main
    Send Text    {"type": "state.get", "payload": {}}    socket
    Open Socket Should Be Closed With    1011    within=10s
    [Teardown]    Run Keywords    Execute Sql String    ALTER TABLE hidden RENAME TO session_state    alias=main
    ...    AND    Close All Connections


*** Keywords ***
Ask While Replica Breaks Off
    [Documentation]    Rounds of these requests while answers of backend-1 to frontend break off after so many bytes, until frontend has
    ...    sent one of them there: where it asks for the replica's health first, it sends none. Returns the replies of all rounds.
    [Arguments]    ${bytes}    ${keyword}    @{arguments}
    VAR    @{all}    @{EMPTY}
    ${before} =    Get Service Metric    frontend    frontend_upstream_failures_total
    FOR    ${_}    IN RANGE    10
        Wait Until Keyword Passes    20s    Replica Should Serve Through Frontend    backend-1
        Add Toxic    frontend->backend-1    limit_data    bytes=${bytes}    name=broken
        ${replies} =    Run Keyword    ${keyword}    @{arguments}
        Heal All
        Append To List    ${all}    @{{ $replies[0] if isinstance($replies[0], list) else $replies }}
        ${failed} =    Get Service Metric    frontend    frontend_upstream_failures_total
        IF    ${failed} > ${before} or any(reply.error or reply.status >= 500 for reply in $all)    RETURN    ${all}
    END
    Fail    in ten rounds frontend sent no request to the replica that breaks off

Count Repetitions Of One Request
    [Documentation]    Sends one request while answers of both replicas break off, until frontend has sent it a second time: where it
    ...    asks for a replica's health first, it does not. Returns how many repetitions frontend has counted for it.
    FOR    ${_}    IN RANGE    10
        Wait Until Keyword Passes    20s    Replica Should Serve Through Frontend    backend-1
        Wait Until Keyword Passes    20s    Replica Should Serve Through Frontend    backend-2
        ${before} =    Get Service Metric    frontend    frontend_repeated_total{service="backend"}
        Add Toxic    frontend->backend-1    limit_data    bytes=100    name=broken
        Add Toxic    frontend->backend-2    limit_data    bytes=100    name=broken
        Get From    frontend    /api/me    ${ACCESS_TOKEN}    status=503
        Heal All
        ${after} =    Get Service Metric    frontend    frontend_repeated_total{service="backend"}
        IF    ${after} > ${before}    RETURN    ${{ $after - $before }}
    END
    Fail    in ten rounds frontend repeated no request that both replicas break off

Replica Should Serve Through Frontend
    [Documentation]    One of four requests through frontend is answered by this replica.
    [Arguments]    ${replica}
    ${replies}    ${_} =    Get Replies Through Frontend    4    GET    /api/me
    Should Contain    ${{ [reply.json['served_by'] for reply in $replies] }}    ${replica}    frontend does without ${replica}

Delete Conversations Through Frontend
    [Documentation]    The replies of frontend to the deletion of so many new conversations, one after the other.
    [Arguments]    ${count: int}
    ${conversations} =    Create Conversations    ${count}
    VAR    @{replies}    @{EMPTY}
    FOR    ${conversation}    IN    @{conversations}
        VAR    &{request}    method=DELETE    url=${PUBLIC_URL}/api/conversations/${conversation}    token=${ACCESS_TOKEN}
        ${reply} =    Send At Once    ${{ [$request] }}    ca_file=${CA_FILE}
        Append To List    ${replies}    @{reply}
    END
    RETURN    ${replies}
