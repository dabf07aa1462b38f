*** Settings ***
Documentation    What frames mean is said by the target's profile.

Library          PlatformLibrary
Library          WebSocketLibrary
Library          HistoryLibrary

Suite Setup      Use Shared Platform
Test Teardown    Close All Connections


*** Test Cases ***
A Frame Of The Target's Own Is Recorded
    [Documentation]    PASS
    Open Connection    ${BACKEND_SOCKET_URL}    alias=alice
    Record Socket    alice
    Send Json    ${{ {'event': 'say', 'ref': 'm1', 'room': 'lobby', 'text': 'hello'} }}    alice
    ${sent}    Get History    process=alice    op=send    kind=invoke
    Length Should Be    ${sent}    1
    Should Be Equal    ${sent[0].key} ${sent[0].client_msg_id} ${sent[0].value}    lobby m1 hello
