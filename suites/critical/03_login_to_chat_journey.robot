*** Settings ***
Documentation       A new user goes from the provider's login to a chat answer without a manual step; who returns finds what he left.
Resource            platform.resource
Resource            auth.resource
Resource            databases.resource
Resource            oauth.resource
Resource            socket.resource
Library             BudgetLibrary
Suite Setup         Use The Shared Platform
Suite Teardown      Leave The Platform
Test Setup          A Person Known To The Provider
Test Teardown       Close All Connections
Test Tags           critical    p0    needs:oauth.provider    needs:ws    needs:assistant


*** Test Cases ***
A New User Gets A Chat Answer And The Conversation Is Stored Under His Name
    [Tags]    id:C03-01    req:C03.1    needs:db.main
    Sign In Through The Provider
    Open A Socket
    Start A Conversation    assistant=${True}
    Say    What keeps us in step?
    Assistant Answers    You said: What keeps us in step?
    Conversation Belongs To    ${CONVERSATION}    ${USER_ID}
    Conversation Should Read    ${CONVERSATION}
    ...    user: What keeps us in step?    assistant: You said: What keeps us in step?

A Streamed Answer Adds Up To The Stored One
    [Tags]    id:C03-02    req:C03.1
    Sign In Through The Provider
    Open A Socket
    Start A Conversation    assistant=${True}
    ${ack} =    Say    A question long enough to be answered in several chunks
    ${answer} =    Assistant Answers    You said: A question long enough to be answered in several chunks
    ${streamed} =    Streamed Text    ${ack}[seq]
    Should Be Equal    ${streamed}    ${answer}[body]    streamed and stored answer differ

A Returning User Is Not Doubled
    [Tags]    id:C03-03    req:C03.2    needs:db.auth    needs:db.main
    Sign In Through The Provider
    VAR    ${first}    ${USER_ID}
    Open A Fresh Browser
    Sign In Through The Provider
    Should Be Equal    ${USER_ID}    ${first}    the returning user is another one
    Auth Holds One User Named    ${PERSON.email}
    Both Databases Hold The Same User    ${USER_ID}

A Returning User Finds His Conversations And Goes On With Them
    [Tags]    id:C03-04    req:C03.2
    Sign In Through The Provider
    A First Visit With A Chat
    Open A Fresh Browser
    Sign In Through The Provider
    Conversations Should Be Listed    ${CONVERSATION}
    Open A Socket    alias=second visit
    Messages Over REST Should Read    first visit: hello    You said: first visit: hello
    Say    second visit: hello again    second visit
    Assistant Answers    You said: second visit: hello again    second visit
    Messages Over REST Should Have Seqs    1    2    3    4

The Session Of An Earlier Login Goes On Beside The New One
    [Tags]    id:C03-05    req:C03.2
    ${earlier} =    Sign In Through The Provider
    Open A Fresh Browser
    ${later} =    Sign In Through The Provider
    Should Not Be Equal    ${later}[session_id]    ${earlier}[session_id]    both logins have one session
    Get From    backend    /api/me    ${earlier}[access_token]
    Get From    backend    /api/me    ${later}[access_token]

Chat Is Open At Once After The Login
    [Documentation]    No step lies between the token and the first answer: the very first calls with it already work.
    [Tags]    id:C03-06    req:C03.3
    Start Budget    C03 login to first answer
    Sign In Through The Provider
    Start A Conversation    assistant=${True}
    Open A Socket
    Say    Am I in?
    Assistant Answers    You said: Am I in?
    Budget Should Hold    C03 login to first answer


*** Keywords ***
Assistant Answers
    [Documentation]    The finished answer arrives as a message of the assistant; it is returned.
    [Arguments]    ${body}    ${alias}=socket
    ${message} =    Hear    ${body}    ${alias}
    Should Be Equal    ${message}[role]    assistant    the answer's role
    RETURN    ${message}

Streamed Text
    [Documentation]    The chunks of the answer to one message, put together in the order of their offsets.
    [Arguments]    ${reply_to_seq}
    ${frames} =    Get Frames    connection=socket    type=message.chunk    payload.reply_to_seq=${reply_to_seq}
    VAR    ${chunks}    ${{ [frame.json['payload'] for frame in $frames] }}
    Should Be Equal    ${{ [c['offset'] for c in $chunks] }}    ${{ sorted({c['offset'] for c in $chunks}) }}    offsets of the chunks
    RETURN    ${{ ''.join(c['text'] for c in $chunks) }}

Conversation Should Read
    [Documentation]    The main database holds exactly these messages, written ``role: body``, with seqs from 1.
    [Arguments]    ${conversation}    @{lines}
    ${stored} =    Stored Messages    ${conversation}
    Should Be Equal    ${{ [f"{row['role']}: {row['body']}" for row in $stored] }}    ${lines}    the stored messages read otherwise
    Should Be Equal    ${{ [row['seq'] for row in $stored] }}    ${{ list(range(1, len($lines) + 1)) }}    seqs of the stored messages

A First Visit With A Chat
    [Documentation]    A conversation with one question and its answer; the socket is closed again. Somebody else has one too.
    Somebody Else Starts A Conversation
    Start A Conversation    assistant=${True}
    Open A Socket    alias=first visit
    Say    first visit: hello    first visit
    Assistant Answers    You said: first visit: hello    first visit
    Close Connection    first visit

Somebody Else Starts A Conversation
    [Documentation]    A conversation of another user, which is nobody else's business.
    ${other} =    Create User
    Start A Conversation    token=${other.access_token}

Conversations Should Be Listed
    [Documentation]    The user's own list names exactly these conversations.
    [Arguments]    @{ids}
    ${response} =    Get From    backend    /api/conversations    ${ACCESS_TOKEN}
    Should Be Equal    ${{ [c['id'] for c in $response.json()['conversations']] }}    ${ids}    the list names other conversations

Messages Over REST
    [Documentation]    The messages of the conversation as REST gives them.
    ${response} =    Get From    backend    /api/conversations/${CONVERSATION}/messages    ${ACCESS_TOKEN}
    RETURN    ${response.json()}[messages]

Messages Over REST Should Read
    [Documentation]    REST gives exactly these bodies, in this order.
    [Arguments]    @{bodies}
    ${messages} =    Messages Over REST
    Should Be Equal    ${{ [m['body'] for m in $messages] }}    ${bodies}    REST gives other messages

Messages Over REST Should Have Seqs
    [Documentation]    REST gives messages with exactly these seqs.
    [Arguments]    @{seqs}
    ${messages} =    Messages Over REST
    Should Be Equal    ${{ [str(m['seq']) for m in $messages] }}    ${seqs}    REST gives other seqs
