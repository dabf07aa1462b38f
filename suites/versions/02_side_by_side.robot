*** Settings ***
Documentation       The previous release and today's at once on one database and one Redis, and what the one has made at the other.
...                 Sources: docs/protocol.md §2.3, §2.5, §4; deploy/previous/README.md.
Resource            versions.resource
Suite Setup         Use Expanded Platform Of Previous Release
Suite Teardown      Leave Platform
Test Setup          Start Persistence Measurement
Test Teardown       Close All Connections
Test Tags           versions    p1    needs:session.admin    needs:ws    needs:ws.resume    needs:replicas.2    needs:control.restart
...                 needs:platform.private


*** Test Cases ***
Old And New Replicas Serve One Conversation
    [Documentation]    Each release in its turn has the first replica and auth.
    [Tags]    id:V02-01    req:V02
    [Template]    Replicas Should Serve One Conversation
    ${PREVIOUS}    ${TODAY}
    ${TODAY}    ${PREVIOUS}

Today's Release Takes Over What The Previous Left
    [Documentation]    Tokens, cookies and a code, a position, a tab's state, preferences, a session's document, the answer to a refresh.
    [Tags]    id:V03-01    req:V03    needs:oauth.provider    needs:redis
    Use Services Of    ${PREVIOUS}    1.0.0
    Leave Logins And Documents
    Replace All Services By    ${TODAY}    1.1.0
    Logins Should Be Taken Over
    Documents Should Be Taken Over
    Lost Refresh Should Be Repeated

The Previous Release Takes Over What Today's Left
    [Documentation]    As an upgrade is taken back: nothing that today's release has written stops the previous one.
    [Tags]    id:V03-02    req:V03    needs:oauth.provider    needs:redis
    Use Services Of    ${TODAY}    1.1.0
    Leave Logins And Documents
    Replace All Services By    ${PREVIOUS}    1.0.0
    Logins Should Be Taken Over
    Documents Should Be Taken Over
    Lost Refresh Should Be Repeated


*** Keywords ***
Use Expanded Platform Of Previous Release
    [Documentation]    As `Use Platform Of Previous Release`, with what today's release needs of the schema.
    Use Platform Of Previous Release
    Add To Schema

Replicas Should Serve One Conversation
    [Documentation]    Auth and the first replica are of one release, frontend and the second replica of another: what is sent at the one
    ...    is received at the other, in one order; a session that ends has ended at both.
    [Arguments]    ${first}    ${second}
    Replace Service By    auth    ${first}
    Replace Service By    backend-1    ${first}
    Replace Service By    backend-2    ${second}
    Replace Service By    frontend    ${second}
    Sign In New User
    Open Sockets At Both Replicas
    Sockets Should Receive Each Other's Messages
    Both Replicas Should Show One History
    Session Should End At Both Replicas

Open Sockets At Both Replicas
    [Documentation]    A new conversation of the user, and a socket in it at each replica.
    Start Conversation
    Open Chat Socket    first    url=${BACKEND_SOCKET_URL}
    Open Chat Socket    second    url=${BACKEND_2_SOCKET_URL}
    Subscribe    first
    Subscribe    second

Sockets Should Receive Each Other's Messages
    [Documentation]    In both directions, three times.
    FOR    ${number}    IN RANGE    3
        Send Chat Message    ${number} at the first    first
        Receive Chat Message    ${number} at the first    second    within=1s
        Send Chat Message    ${number} at the second    second
        Receive Chat Message    ${number} at the second    first    within=1s
    END

Both Replicas Should Show One History
    [Documentation]    The conversation reads the same at both, six messages in their order.
    ${one} =    Get From    backend    /api/conversations/${CONVERSATION}/messages    ${ACCESS_TOKEN}
    ${other} =    Get From    backend-2    /api/conversations/${CONVERSATION}/messages    ${ACCESS_TOKEN}
    Should Be Equal    ${one.json()}    ${other.json()}    the replicas show different histories
    Should Be Equal    ${{ [message['seq'] for message in $one.json()['messages']] }}    ${{ [1, 2, 3, 4, 5, 6] }}    the order of messages

Session Should End At Both Replicas
    [Documentation]    Revoked at auth, the session's sockets are closed, and every service refuses its token.
    Revoke Session    ${USER}
    Open Socket Should Be Closed With    4003    first    within=3s
    Open Socket Should Be Closed With    4003    second    within=3s
    Every Service Should Refuse Token    ${ACCESS_TOKEN}    session_revoked
