*** Settings ***
Documentation       One user in five tabs and on two devices: states, preferences and events, and of two conflicting writes one wins.
...                 10_tabs_and_devices has what holds on any platform.
...                 The declared rule is optimistic locking: the first write over a version wins, the loser gets 412 with the current value.
...                 Sources: RFC 9110 §13.1.1 (If-Match), RFC 6585 §3 (428), docs/protocol.md §3.1 and §4.
Resource            platform.resource
Resource            auth.resource
Resource            devices.resource
Resource            socket.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Teardown       Close All Connections
Test Tags           critical    p1    needs:ws    needs:replicas.2


*** Test Cases ***
A Tab Keeps A State And Replaces Only Itself
    [Tags]    id:C10-02    req:C10.1    sec:W08
    Sign In A New User
    Open Five Tabs
    Each Tab Keeps A State Of Its Own
    Open A Socket    alias=tab-2 again    url=${BACKEND_SOCKET_URL}    client_id=${CLIENTS}[tab-2]
    Open Socket Was Closed With    4009    tab-2    within=5s
    ${state} =    Ask The Socket    tab-2 again    state.get    state
    Should Be Equal    ${state}[document]    ${{ {'thread': 'tab-2'} }}    the reopened tab finds another state
    Tabs Should Still Be Open    tab-1    tab-3    tab-4    tab-5

Profile Preferences And Conversations Are The Same In Every Tab
    [Tags]    id:C10-09    req:C10.2    proto:4.63    needs:db.main
    Sign In A New User
    Open Five Tabs
    Preferences Changed In One Tab Are In All
    A Profile Changed In One Tab Is In All
    A Conversation Begun In One Tab Is Listed In All

Another Device Sees A Change In Time
    [Tags]    id:C10-10    req:C10.3    proto:4.63
    Two Devices Of One User
    Forget Latencies    C10 seen on the other device
    Everything Crosses    browser    phone
    Everything Crosses    phone    browser
    Everything Crosses    browser    phone
    Everything Crosses    phone    browser
    Latencies Should Hold    C10 seen on the other device    p50

The First Of Two Conflicting Writes Wins
    [Tags]    id:C10-06    req:C10.4    proto:3.1.05    proto:3.1.20    proto:R4.12    needs:db.main
    Two Devices Of One User
    Preferences Conflict    winner=browser    loser=phone
    Preferences Conflict    winner=phone    loser=browser
    Preferences Conflict    winner=browser    loser=phone
    Conversation Names Conflict    winner=phone    loser=browser
    Conversation Names Conflict    winner=browser    loser=phone

A Write That Names No Version Is Refused
    [Tags]    id:C10-07    req:C10.4    proto:3.1.04    proto:3.1.19
    Sign In A New User
    ${response} =    Put At    frontend    /api/preferences    ${{ {'theme': 'dark'} }}    ${ACCESS_TOKEN}    status=428
    Answer Should Be A Problem    ${response}    precondition_required
    ${etag}    ${document} =    Preferences
    Should Be Equal    ${{ ($etag, $document) }}    ${{ ('"0"', {}) }}    the refused write left something

One Of Twenty Parallel Writers Wins
    [Tags]    id:C10-08    req:C10.4    proto:3.1.20    proto:R4.12    needs:db.main
    Two Devices Of One User
    Repeat Keyword    5 times    Twenty Writers Race
    Versions Heard Should Be    browser    1    2    3    4    5
    Versions Heard Should Be    phone    1    2    3    4    5


*** Keywords ***
Preferences Changed In One Tab Are In All
    [Documentation]    Every tab is told of the new preferences, and every door shows them.
    ${before} =    Every Door Shows    /api/preferences
    Should Be Equal    ${before}    ${{ {} }}    a new user has preferences already
    VAR    &{document}    theme=dark    language=de
    Set Preferences    ${document}    "0"
    ${told} =    Every Tab Hears Of    preferences.updated    version    1
    Should Be Equal    ${told}[preferences]    ${document}    the tabs were told other preferences
    ${shown} =    Every Door Shows    /api/preferences
    Should Be Equal    ${shown}    ${document}    other preferences than those written

A Profile Changed In One Tab Is In All
    [Documentation]    Every tab is told of the new name and says it, and every door shows the profile as auth does.
    ${response} =    Patch At    frontend    /users/me    ${{ {'name': 'Known To All Tabs'} }}    ${ACCESS_TOKEN}
    Every Tab Hears Of    user.updated    name    Known To All Tabs
    Every Tab Says I Am    ${response.json()}
    Every Backend Answers With The User    ${response.json()}

A Conversation Begun In One Tab Is Listed In All
    [Documentation]    Every tab is told of the new conversation, and every door lists it.
    ${before} =    Every Door Shows    /api/conversations
    Should Be Empty    ${before}[conversations]    a new user has conversations already
    ${conversation} =    Start A Conversation
    ${told} =    Every Tab Hears Of    conversations.updated    conversation.id    ${conversation}
    Should Be Equal    ${told}[change]    created    the tabs were told of another change
    ${shown} =    Every Door Shows    /api/conversations
    Should Be Equal    ${{ [one['id'] for one in $shown['conversations']] }}    ${{ [$conversation] }}    other conversations are listed
