*** Settings ***
Documentation       Another user who knows a conversation's id is answered as if there were none.
...                 10_foreign_conversations has what holds on any platform.
...                 Sources: OWASP ASVS 5.0 8.2.2 and OWASP API1:2023 (access to single objects), RFC 9110 §15.5.5 (404 instead of 403);
...                 docs/protocol.md §1, §3.1 and §4 (foreign ones are ``not_found``).
Resource            strangers.resource
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
