*** Settings ***
Documentation       Who may open a socket, in which ways he says who he is, and what he must not send on it.
...                 Sources: RFC 6455 §4.2.2, §7.4.1 and §10.2 (origin, close codes, sockets across sites), RFC 6750 §2.3 (no token in a
...                 query), OWASP ASVS 5.0 4.4.2 (origin of a handshake); docs/protocol.md §4.
Resource            strangers.resource
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          Sign In A New User
Test Teardown       Close All Connections
Test Tags           security    p0    req:X03    needs:ws


*** Test Cases ***
A Page Of Another Origin Opens No Socket However Good Its Token Is
    [Tags]    id:SE-44    req:C02.4    sec:W01
    Handshakes Of A Foreign Page Are Refused
    A Page Of The Own Origin Opens A Socket    ${BACKEND_SOCKET_URL}

A Browser Opens A Socket By Subprotocol And Others May Name Their Client By A Header
    [Tags]    id:SE-45    req:C02.1    sec:W01
    A Page Of The Own Origin Opens A Socket    ${SOCKET_URL}
    A Client Names Itself By A Header    ${BACKEND_SOCKET_URL}
    A Client Names Itself By A Header    ${SOCKET_URL}

A Token In The Query String Is Refused Under Whatever Name It Comes And Is Logged Nowhere
    [Tags]    id:SE-46    req:C02.4    sec:W02    needs:control.logs
    No Name In The Query String Carries A Token
    No Service Log Contains    ${ACCESS_TOKEN}

A Frame Of A Wrong Kind Closes Its Own Socket With The Declared Code And No Other
    [Tags]    id:SE-47    req:C02.3    sec:W07
    Open A Socket    neighbour    url=${BACKEND_SOCKET_URL}
    A Bad Frame Closes With    1003    Send Binary    text is wanted
    A Bad Frame Closes With    1007    Send Raw Frame    ${{ bytes([0x22, 0xC3, 0x28, 0x22]) }}    opcode=text
    A Bad Frame Closes With    1009    Send Text    ${{ 'x' * 65537 }}

A Socket Is Prolonged By A Token Of Its Own Session And By No Other
    [Tags]    id:SE-48    req:C02.3    req:C04.3    sec:W04
    ${stranger} =    Create User
    ${elsewhere} =    Log In Again    ${USER}    device=elsewhere
    ${forged} =    Forge From My Token    flipped signature bit
    Open A Socket
    Socket Is Not Prolonged By    ${stranger.access_token}    another user
    Socket Is Not Prolonged By    ${elsewhere.access_token}    another session
    Socket Is Not Prolonged By    ${forged}    nobody
    Socket Is Still    ${USER}
    Refresh The Tokens
    Ask The Socket    socket    reauth    reauthenticated    token=${ACCESS_TOKEN}
