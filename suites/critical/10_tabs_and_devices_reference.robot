*** Settings ***
Documentation       One user in five tabs and on two devices: states, preferences and events, and of two conflicting writes one wins.
...                 10_tabs_and_devices has what holds on any platform.
...                 The declared rule is optimistic locking: the first write over a version wins, the loser gets 412 with the current value.
...                 Sources: RFC 9110 §13.1.1 (If-Match), RFC 6585 §3 (428), docs/protocol.md §3.1 and §4.
Resource            platform.resource
Resource            auth.resource
Resource            devices.resource
Resource            socket.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Teardown       Close All Connections
Test Tags           critical    p1    needs:ws    needs:replicas.2


*** Test Cases ***
A Tab Keeps A State And Replaces Only Itself
    [Tags]    id:C10-02    req:C10.1    sec:W08
    Sign In New User
    Open Five Tabs
    Each Tab Should Keep Its Own State
    Open Chat Socket    alias=tab-2 again    url=${BACKEND_SOCKET_URL}    client_id=${CLIENTS}[tab-2]
    Open Socket Should Be Closed With    4009    tab-2    within=5s
    ${state} =    Ask Socket    tab-2 again    state.get    state
    Should Be Equal    ${state}[document]    ${{ {'thread': 'tab-2'} }}    the reopened tab finds another state
    Tabs Should Still Be Open    tab-1    tab-3    tab-4    tab-5

Profile Preferences And Conversations Are The Same In Every Tab
    [Tags]    id:C10-09    req:C10.2    proto:4.63    needs:db.main
    Sign In New User
    Open Five Tabs
    Changed Preferences Should Be In Every Tab
    Changed Profile Should Be In Every Tab
    New Conversation Should Be Listed In Every Tab

Another Device Sees A Change In Time
    [Tags]    id:C10-10    req:C10.3    proto:4.63
    Sign In Two Devices Of User
    Clear Latencies    C10 seen on the other device
    Everything Should Reach Other Device    browser    phone
    Everything Should Reach Other Device    phone    browser
    Everything Should Reach Other Device    browser    phone
    Everything Should Reach Other Device    phone    browser
    Latencies Should Hold    C10 seen on the other device    p50

The First Of Two Conflicting Writes Wins
    [Tags]    id:C10-06    req:C10.4    proto:3.1.05    proto:3.1.20    proto:R4.12    needs:db.main
    Sign In Two Devices Of User
    Conflicting Preferences Should Be Reported    winner=browser    loser=phone
    Conflicting Preferences Should Be Reported    winner=phone    loser=browser
    Conflicting Preferences Should Be Reported    winner=browser    loser=phone
    Conflicting Conversation Names Should Be Reported    winner=phone    loser=browser
    Conflicting Conversation Names Should Be Reported    winner=browser    loser=phone

A Write That Names No Version Is Refused
    [Tags]    id:C10-07    req:C10.4    proto:3.1.04    proto:3.1.19
    Sign In New User
    ${response} =    Put At    frontend    /api/preferences    ${{ {'theme': 'dark'} }}    ${ACCESS_TOKEN}    status=428
    Answer Should Be Problem    ${response}    precondition_required
    ${etag}    ${document} =    Get Preferences
    Should Be Equal    ${{ ($etag, $document) }}    ${{ ('"0"', {}) }}    the refused write left something

One Of Twenty Parallel Writers Wins
    [Tags]    id:C10-08    req:C10.4    proto:3.1.20    proto:R4.12    needs:db.main
    Sign In Two Devices Of User
    Repeat Keyword    5 times    One Of Twenty Writers Should Win
    Received Versions Should Be    browser    1    2    3    4    5
    Received Versions Should Be    phone    1    2    3    4    5


*** Keywords ***
Changed Preferences Should Be In Every Tab
    [Documentation]    Every tab is notified of the new preferences, and every endpoint shows them.
    ${before} =    Every Endpoint Should Show    /api/preferences
    Should Be Equal    ${before}    ${{ {} }}    a new user has preferences already
    VAR    &{document}    theme=dark    language=de
    Set Preferences    ${document}    "0"
    ${reported} =    Every Tab Should Receive    preferences.updated    version    1
    Should Be Equal    ${reported}[preferences]    ${document}    the tabs received other preferences
    ${shown} =    Every Endpoint Should Show    /api/preferences
    Should Be Equal    ${shown}    ${document}    other preferences than those written

Changed Profile Should Be In Every Tab
    [Documentation]    Every tab is notified of the new name and says it, and every endpoint shows the profile as auth does.
    ${response} =    Patch At    frontend    /users/me    ${{ {'name': 'Known To All Tabs'} }}    ${ACCESS_TOKEN}
    Every Tab Should Receive    user.updated    name    Known To All Tabs
    Every Tab Should Report User    ${response.json()}
    Every Backend Should Answer With User    ${response.json()}

New Conversation Should Be Listed In Every Tab
    [Documentation]    Every tab is notified of the new conversation, and every endpoint lists it.
    ${before} =    Every Endpoint Should Show    /api/conversations
    Should Be Empty    ${before}[conversations]    a new user has conversations already
    ${conversation} =    Start Conversation
    ${reported} =    Every Tab Should Receive    conversations.updated    conversation.id    ${conversation}
    Should Be Equal    ${reported}[change]    created    the tabs were notified of another change
    ${shown} =    Every Endpoint Should Show    /api/conversations
    Should Be Equal    ${{ [one['id'] for one in $shown['conversations']] }}    ${{ [$conversation] }}    other conversations are listed

Each Tab Should Keep Its Own State
    [Documentation]    Every tab writes a document over version 0, and finds that one afterwards, whatever the others wrote.
    FOR    ${tab}    IN    @{TABS}
        VAR    &{document}    thread=${tab}
        ${updated} =    Ask Socket    ${tab}    state.update    state.updated    base_version=${0}    document=${document}
        Should Be Equal    ${updated}[version]    ${1}    ${tab} wrote over another version
    END
    FOR    ${tab}    IN    @{TABS}
        ${state} =    Ask Socket    ${tab}    state.get    state
        Should Be Equal    ${state}[document]    ${{ {'thread': $tab} }}    ${tab} finds another state than its own
    END

Tabs Should Still Be Open
    [Documentation]    These tabs are connected and answered.
    [Arguments]    @{aliases}
    FOR    ${tab}    IN    @{aliases}
        ${me} =    Get Socket User    ${tab}
        Should Be Equal    ${me}[client_id]    ${CLIENTS}[${tab}]    ${tab} is another client now
    END

Every Tab Should Report User
    [Documentation]    ``whoami`` on every tab names this user, this name and this e-mail.
    [Arguments]    ${record}
    FOR    ${tab}    IN    @{TABS}
        ${me} =    Get Socket User    ${tab}
        Should Be Equal    ${{ ($me['id'], $me['name'], $me['email']) }}    ${{ ($record['id'], $record['name'], $record['email']) }}
        ...    ${tab} shows another profile
    END

One Of Twenty Writers Should Win
    [Documentation]    Both devices write twenty preferences over one version at one instant, at every endpoint: one wins, nineteen are
    ...    notified.
    ${base} =    Get Preferences ETag
    ${requests} =    Make Conflicting Writes    20    ${base}
    ${replies} =    Send At Once    ${requests}    ca_file=${CA_FILE}
    VAR    ${won}    ${{ [reply for reply in $replies if reply.status == 200] }}
    Length Should Be    ${won}    1    ${{ len($won) }} of 20 writers over ${base} won, not one: ${{ [reply.status for reply in $replies] }}
    VAR    ${winner}    ${won}[0]
    Conflicts Should Report Winner    ${{ [reply for reply in $replies if reply.status != 200] }}    ${winner.json}
    ...    ${winner.headers}[etag]
    Preferences Should Be Everywhere    ${winner.json}    ${winner.headers}[etag]

Make Conflicting Writes
    [Documentation]    Requests for `Send At Once`: this many different preferences over one version, from both devices, at all endpoints.
    [Arguments]    ${count}    ${base}
    VAR    @{urls}    ${BACKEND_URL}    ${BACKEND_2_URL}    ${PUBLIC_URL}
    VAR    &{headers}    If-Match=${base}
    VAR    @{requests}    @{EMPTY}
    FOR    ${number}    IN RANGE    ${count}
        VAR    ${token}    ${{ list($DEVICES.values())[$number % 2].access_token }}
        VAR    &{document}    writer=${number}    over=${base}
        VAR    &{request}    method=PUT    url=${urls}[${{ $number % 3 }}]/api/preferences    token=${token}    json=${document}
        ...    headers=${headers}
        Append To List    ${requests}    ${request}
    END
    RETURN    ${requests}
