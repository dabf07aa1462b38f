*** Settings ***
Documentation       Another user who knows a conversation's id is answered as if there were none.
...                 10_foreign_conversations has what holds on any platform.
...                 Sources: OWASP ASVS 5.0 8.2.2 and OWASP API1:2023 (access to single objects), RFC 9110 §15.5.5 (404 instead of 403);
...                 docs/protocol.md §1, §3.1 and §4 (foreign ones are ``not_found``).
Resource            other_users.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Prepare Conversation And Other User
Test Teardown       Close All Connections
Test Tags           security    p0    req:C02.3    req:X03    needs:ws    needs:replicas.2    needs:db.main


*** Test Cases ***
Other Users Cannot See Or Rename A Conversation
    [Tags]    id:SE-62    req:C10.1    proto:3.1.08    sec:W06
    ${before} =    Every Endpoint Should Show    ${PATH}
    Other User Should Not Find Conversation    GET
    Other User Should Not Find Conversation    PATCH    title=Mine now
    Owner Should Find Conversation Unchanged    ${before}

Resuming A Foreign Conversation Shows No Position Of It
    [Tags]    id:SE-63    sec:W05    needs:ws.resume
    Open Known Socket Of Other User
    Resume Of Other User Should Fail    ${LAST}[epoch]    seq=0
    Resume Of Other User Should Fail    ${LAST}[epoch]    seq=1
    Resume Of Other User Should Fail    of another log    seq=0
    Other User Should Have Received Nothing


*** Keywords ***
Prepare Conversation And Other User
    [Documentation]    A new user with a conversation of one message, and another user: sets ``OTHER_USER``, ``PATH``, that of the
    ...    conversation, ``ETAG``, what a write of it has to name, and ``LAST``, the ``ack`` of the message. The owner's socket stays
    ...    open.
    ${other_user} =    Create User
    Sign In New User
    Start Conversation
    Open Chat Socket    owner    url=${BACKEND_SOCKET_URL}
    ${ack} =    Send Chat Message    For its owner alone    owner
    VAR    ${PATH}    /api/conversations/${CONVERSATION}    scope=TEST
    ${shown} =    Get From    backend    ${PATH}    ${ACCESS_TOKEN}
    VAR    ${OTHER_USER}    ${other_user}    scope=TEST
    VAR    ${ETAG}    ${shown.headers}[ETag]    scope=TEST
    VAR    ${LAST}    ${ack}    scope=TEST

Owner Should Find Conversation Unchanged
    [Documentation]    Each endpoint shows the owner what it showed before, and the main database holds their one message.
    [Arguments]    ${before}
    ${after} =    Every Endpoint Should Show    ${PATH}
    Should Be Equal    ${after}    ${before}    another user has changed the conversation
    ${stored} =    Get Stored Messages    ${CONVERSATION}
    Should Be Equal    ${{ [row['body'] for row in $stored] }}    ${{ ['For its owner alone'] }}    another user has changed the log

Open Known Socket Of Other User
    [Documentation]    A socket of the other user, at the owner's replica, for a client that the platform knows: sets ``KNOWN``.
    ${known} =    Get Random UUID
    Open Chat Socket    other    ${OTHER_USER.access_token}    ${BACKEND_SOCKET_URL}    client_id=${known}
    Close Connection    other
    Open Chat Socket    other    ${OTHER_USER.access_token}    ${BACKEND_SOCKET_URL}    client_id=${known}
    VAR    ${KNOWN}    ${known}    scope=TEST

Other User Should Have Received Nothing
    [Documentation]    The owner sends something; the other user's socket at their replica has received no message, live or replayed.
    Send Chat Message    Not for other users    owner
    Receive Chat Message    Not for other users    owner
    Ask Socket    other    ping    pong
    ${leaked} =    Get Frames    connection=other    where=type == 'message' or type == 'message.batch'
    Should Be Empty    ${leaked}    another user was sent messages of another's conversation
