*** Settings ***
Documentation       A conversation is its owner's. Whoever else knows its id can neither read nor write, rename, delete or follow it, at any
...                 door, and is answered as if there were none.
...                 Sources: OWASP ASVS 5.0 8.2.2 and OWASP API1:2023 (access to single objects), RFC 9110 §15.5.5 (404 instead of 403);
...                 docs/protocol.md §1, §3.1 and §4 (foreign ones are ``not_found``).
Resource            strangers.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          A Conversation And A Stranger Who Knows Its Id
Test Teardown       Close All Connections
Test Tags           security    p0    req:C02.3    req:X03    needs:ws    needs:replicas.2    needs:db.main


*** Test Cases ***
A Stranger Who Knows The Id Of A Conversation Can Do Nothing With It At Any Door
    [Tags]    id:SE-42    req:C10.1    sec:W06
    ${before} =    Every Door Shows    ${PATH}
    No Such Conversation Is There For The Stranger    GET
    No Such Conversation Is There For The Stranger    GET    /messages
    No Such Conversation Is There For The Stranger    POST    /messages    body=Let me in
    No Such Conversation Is There For The Stranger    PATCH    title=Mine now
    No Such Conversation Is There For The Stranger    DELETE
    The Owner Finds The Conversation As It Was    ${before}

A Stranger Who Resumes The Conversation Of Another Learns Nothing Of It And Hears Nothing
    [Tags]    id:SE-43    sec:W05    needs:ws.resume
    The Stranger Has Been Here Before
    The Stranger Resumes In Vain    ${LAST}[epoch]    seq=0
    The Stranger Resumes In Vain    ${LAST}[epoch]    seq=1
    The Stranger Resumes In Vain    of another log    seq=0
    Nothing Of It Reached The Stranger
