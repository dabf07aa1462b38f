*** Settings ***
Documentation       A new user goes from the provider's login to the assistant's answer without a manual step, and is known on return.
...                 03_login_to_chat_journey has what holds on any platform.
Resource            platform.resource
Resource            auth.resource
Resource            databases.resource
Resource            oauth.resource
Resource            socket.resource
Library             BudgetLibrary
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Create Provider Person
Test Teardown       Close All Connections
Test Tags           critical    p0    needs:oauth.provider    needs:ws    needs:assistant


*** Test Cases ***
A New User Gets A Chat Answer That Is Stored
    [Documentation]    No step lies between the login and the first answer: the very first calls with its token already work.
    [Tags]    id:C03-01    req:C03.1    req:C03.3    proto:2.2.33    needs:db.main
    Start Budget    C03 login to first answer
    Sign In Through Provider
    Open Chat Socket
    Start Conversation    assistant=${True}
    Send Chat Message    What keeps us in step?
    Get Assistant Answer    You said: What keeps us in step?
    Budget Should Hold    C03 login to first answer
    Conversation Should Belong To    ${CONVERSATION}    ${USER_ID}
    Conversation Should Read    ${CONVERSATION}
    ...    user: What keeps us in step?    assistant: You said: What keeps us in step?

A Streamed Answer Adds Up To The Stored One
    [Tags]    id:C03-02    req:C03.1    proto:4.46
    Sign In Through Provider
    Open Chat Socket
    Start Conversation    assistant=${True}
    ${ack} =    Send Chat Message    A question long enough to be answered in several chunks
    ${answer} =    Get Assistant Answer    You said: A question long enough to be answered in several chunks
    ${streamed} =    Get Streamed Text    ${ack}[seq]
    Should Be Equal    ${streamed}    ${answer}[body]    streamed and stored answer differ

A Returning User Of The Provider Is Not Duplicated
    [Tags]    id:C03-07    req:C03.2    proto:2.2.17    proto:2.2.18    needs:db.auth    needs:db.main
    Sign In Through Provider
    VAR    ${first}    ${USER_ID}
    Open Fresh Browser
    Sign In Through Provider
    Should Be Equal    ${USER_ID}    ${first}    the returning user is another one
    Auth Should Hold One User With E-mail    ${PERSON.email}
    Both Databases Should Hold User    ${USER_ID}


*** Keywords ***
Get Assistant Answer
    [Documentation]    The finished answer arrives as a message of the assistant; it is returned.
    [Arguments]    ${body}    ${alias}=socket
    ${message} =    Receive Chat Message    ${body}    ${alias}
    Should Be Equal    ${message}[role]    assistant    the answer's role
    RETURN    ${message}

Get Streamed Text
    [Documentation]    The chunks of the answer to one message, put together in the order of their offsets.
    [Arguments]    ${reply_to_seq}
    ${frames} =    Get Frames    connection=socket    type=message.chunk    payload.reply_to_seq=${reply_to_seq}
    VAR    ${chunks}    ${{ [frame.json['payload'] for frame in $frames] }}
    Should Be Equal    ${{ [c['offset'] for c in $chunks] }}    ${{ sorted({c['offset'] for c in $chunks}) }}    offsets of the chunks
    RETURN    ${{ ''.join(c['text'] for c in $chunks) }}

Conversation Should Read
    [Documentation]    The main database holds exactly these messages, written ``role: body``, with seqs from 1.
    [Arguments]    ${conversation}    @{lines}
    ${stored} =    Get Stored Messages    ${conversation}
    Should Be Equal    ${{ [f"{row['role']}: {row['body']}" for row in $stored] }}    ${lines}    the stored messages read otherwise
    Should Be Equal    ${{ [row['seq'] for row in $stored] }}    ${{ list(range(1, len($lines) + 1)) }}    seqs of the stored messages

Conversation Should Belong To
    [Documentation]    The main database names this user as the owner of a conversation.
    [Arguments]    ${conversation_id}    ${user_id}
    Should Be Stored    main    owner of the conversation in conversations
    ...    SELECT user_id::text FROM conversations WHERE id = %s    ${conversation_id}    ${user_id}
