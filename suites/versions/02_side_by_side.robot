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
