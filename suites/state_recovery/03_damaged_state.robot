*** Settings ***
Documentation       Stored state that cannot be trusted is reported and starts clean: no crash, and nothing of it, or of another user, is
...                 shown. Where the damage alone might hide that the content is looked at, the row is sealed again, as a faulty writer
...                 would. Sources: docs/protocol.md §4 (``state``, 48 KiB, ``damaged``); OWASP ASVS 5.0 8.2.2 (no access to another's
...                 data).
Resource            recovery.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Open Tab With State
Test Teardown       Run Keywords    Drop Connections    AND    Close All Connections
Test Tags           state-recovery    p0    req:R08    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Variables ***
# The seal of services/backend/session_state.py over owner, version and document of a row.
${SEAL}         encode(sha256(convert_to(concat_ws(E'\\n', user_id, client_id, version, document), 'UTF8')), 'hex')
${LAST_NUMBER}    ${9223372036854775807}


*** Test Cases ***
A Truncated State Is Reported And Starts Clean
    [Tags]    id:R08-01    proto:4.90    proto:R4.10
    Replace Stored State By    document = left(document, length(document) / 2)
    Tab Should Return To Clean Start    version=1

A State Of Another Type Is Reported And Starts Clean
    [Tags]    id:R08-02    proto:4.89    proto:4.91
    Replace Stored State By    document = '["thread", "agents"]'    sealed=True
    Tab Should Return To Clean Start    version=1

Another User's State Is Reported And Never Shown
    [Tags]    id:R08-03    proto:4.89    proto:R4.11
    Create State Of Other User
    Replace Stored State By    (document, checksum) = (SELECT document, checksum FROM session_state WHERE client_id = '${OTHERS_TAB}')
    Tab Should Return To Clean Start    version=1
    No Service Log Should Contain    ${OTHERS_SECRET}
    Other User Should Still Have State

The State Of Another Tab Is Reported And Starts Clean
    [Tags]    id:R08-09    proto:4.89    proto:R4.11
    Put State In Another Tab
    Replace Stored State By    (document, checksum) = (SELECT document, checksum FROM session_state WHERE client_id = '${OTHERS_TAB}')
    Tab Should Return To Clean Start    version=1

A State Of Unknown Version Is Reported And Starts Clean
    [Tags]    id:R08-04    proto:4.89
    Replace Stored State By    version = 41
    Tab Should Return To Clean Start    version=41

A State Of Impossible Version Is Reported And Starts Clean
    [Tags]    id:R08-05    proto:4.92
    Replace Stored State By    version = -1    sealed=True
    Tab Should Return To Clean Start    version=0
    Replace Stored State By    version = ${LAST_NUMBER}    sealed=True
    Tab Should Return To Clean Start    version=0

A Binary State Is Reported And Starts Clean
    [Tags]    id:R08-06    proto:4.90
    Replace Stored State By    document = chr(1) || chr(27) || chr(65533) || chr(1114109) || chr(8238) || repeat(chr(127), 1000)
    Tab Should Return To Clean Start    version=1

An Oversized State Is Reported And Starts Clean
    [Tags]    id:R08-07    proto:4.89    proto:4.91
    Replace Stored State By    document = '{"thread": "' || repeat('x', 10000000) || '"}'    sealed=True
    Tab Should Return To Clean Start    version=1

The Largest State Is Kept And A Larger Refused
    [Tags]    id:R08-08
    VAR    ${size}    ${49152}
    State Of Size Should Be Refused    ${size + 1}
    Store Tab State Of Bytes    ${size}
    Close Connection    tab
    Open Own Tab    ${BACKEND_2_SOCKET_URL}
    ${resumed} =    Resume Tab    missed=0
    Client And Server Should Have Same State    ${resumed}


*** Keywords ***
Make Document Of Bytes
    [Documentation]    A document that is exactly so long as JSON without blanks.
    [Arguments]    ${size: int}
    VAR    &{document}    thread=${{ 'x' * ($size - len('{"thread":""}')) }}
    RETURN    ${document}

State Of Size Should Be Refused
    [Documentation]    The tab cannot store a document of this size over the version that it knows.
    [Arguments]    ${size: int}
    ${document} =    Make Document Of Bytes    ${size}
    Socket Should Answer With Error    tab    state.update    invalid_frame    base_version=${STATE_VERSION}    document=${document}

Store Tab State Of Bytes
    [Documentation]    A document of this size is stored over the version that the tab knows.
    [Arguments]    ${size: int}
    ${document} =    Make Document Of Bytes    ${size}
    VAR    ${STATE}    ${document}    scope=TEST
    ${updated} =    Ask Socket    tab    state.update    state.updated    base_version=${STATE_VERSION}    document=${STATE}
    VAR    ${STATE_VERSION}    ${updated}[version]    scope=TEST

Replace Stored State By
    [Documentation]    The tab is cut off and its row is changed like this, with the seal as it was or, ``sealed``, with a new one that
    ...    fits.
    [Arguments]    ${change}    ${sealed: bool}=${False}
    ${damaged} =    Count Damaged States
    VAR    ${DAMAGED_BEFORE}    ${damaged}    scope=TEST
    Drop Socket Connection    tab
    VAR    ${of_the_tab}    client_id = '${CLIENT_ID}'
    Execute Sql String    UPDATE session_state SET ${change} WHERE ${of_the_tab}    alias=main
    IF    $sealed    Execute Sql String    UPDATE session_state SET checksum = ${SEAL} WHERE ${of_the_tab}    alias=main

Count Damaged States
    [Documentation]    How many damaged states both replicas have found. (No other suite damages any.)
    ${counted} =    Count On Both Replicas    session_state_damaged_total
    RETURN    ${counted}[0]

Tab Should Return To Clean Start
    [Documentation]    At the other replica the tab resumes its messages, and is notified that its state was damaged: nothing of it is
    ...    shown, the platform counts it, and a write over the version that it names starts clean, as does the next socket.
    [Arguments]    ${version: int}
    Open Own Tab    ${BACKEND_2_SOCKET_URL}
    Resume Tab    missed=0
    ${reported} =    Ask Socket    tab    state.get    state
    VAR    &{clean}    version=${version}    document=${{ {} }}    damaged=${True}
    Should Be Equal    ${reported}    ${clean}    damaged state is not reported, or does not start clean
    ${damaged} =    Count Damaged States
    Should Be Equal    ${damaged}    ${DAMAGED_BEFORE + 1}    the platform has counted other than one damaged state
    VAR    ${STATE_VERSION}    ${version}    scope=TEST
    Store Tab State    step=2
    Tab Should Go On After Damage

Tab Should Go On After Damage
    [Documentation]    The tab finds the new state on its next socket, at the first replica, and chats; both replicas say they are ready.
    Close Connection    tab
    Open Own Tab
    ${resumed} =    Resume Tab    missed=0
    Client And Server Should Have Same State    ${resumed}
    ${body} =    Get Random UUID
    Send Chat Message    ${body}    tab
    Receive Chat Message    ${body}    tab
    Service Should Be Ready    backend-1
    Service Should Be Ready    backend-2

Create State Of Other User
    [Documentation]    Another user's tab keeps a state with a text that no other user may see: sets ``OTHERS_TAB`` and ``OTHERS_SECRET``.
    ${users} =    Create Load Users    1
    ${secret} =    Get Random UUID
    ${welcome} =    Open Chat Socket    other    token=${users[0].access_token}    url=${BACKEND_SOCKET_URL}
    VAR    &{document}    thread=${secret}
    Ask Socket    other    state.update    state.updated    base_version=${0}    document=${document}
    VAR    ${OTHERS_TAB}    ${welcome}[client_id]    scope=TEST
    VAR    ${OTHERS_SECRET}    ${secret}    scope=TEST

Put State In Another Tab
    [Documentation]    Another tab of the current user keeps a state of its own: sets ``OTHERS_TAB``.
    ${welcome} =    Open Chat Socket    other    url=${BACKEND_SOCKET_URL}
    VAR    &{document}    thread=of another tab
    Ask Socket    other    state.update    state.updated    base_version=${0}    document=${document}
    VAR    ${OTHERS_TAB}    ${welcome}[client_id]    scope=TEST

Other User Should Still Have State
    [Documentation]    Whose state was copied, finds it as it was.
    ${found} =    Ask Socket    other    state.get    state
    Should Be Equal    ${found}    ${{ {'version': 1, 'document': {'thread': $OTHERS_SECRET}, 'damaged': False} }}    the other user's state
