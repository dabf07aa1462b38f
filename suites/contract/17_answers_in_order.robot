*** Settings ***
Documentation       Answers of a conversation come in the order of its messages, however often the lease to give them changes hands.
...                 Source: docs/protocol.md §4 (message.chunk).
Library             BudgetLibrary
Library             PlatformLibrary
Resource            auth.resource
Resource            platform.resource
Resource            socket.resource
Suite Setup         Open Private Platform    backends=2    ANSWER_LEASE=0.1    CHUNK_DELAY=0.05
Suite Teardown      Leave Platform
Test Teardown       Close All Connections
Test Tags           contract    p0    req:C05.2    needs:replicas.2    needs:ws    needs:db.main


*** Variables ***
${LENGTHENED}           ${{ ', which has an answer of many chunks' * 4 }}
${STORED_ANSWERS}       SELECT split_part(client_msg_id, ':', 2)::int AS question FROM messages
...                     WHERE conversation_id = %s AND role = 'assistant' ORDER BY seq


*** Test Cases ***
Answers Keep Their Order When Two Replicas Owe Them
    [Tags]    id:CT-81
    Open Chat Socket At Each Replica
    Send Questions Alternately    24
    Wait Until Every Question Is Answered    24
    Answers Should Be In Order

Answers Keep Their Order While Replicas Stand Still
    [Tags]    id:CT-82    proto:4.52    proto:4.53    needs:control.pause
    Open Chat Socket At Each Replica
    Send Questions Alternately    24
    Pause Replicas In Turn    8
    Wait Until Every Question Is Answered    24
    Answers Should Be In Order

A Question Has One Answer
    [Tags]    id:CT-85
    Open Chat Socket At Each Replica
    Send Questions Alternately    1
    Wait Until Every Question Is Answered    1    within=10s
    Answers Should Be In Order

An Answer That Failed Ten Times Holds Up No Other
    [Documentation]    After nine failures the answer to the next message still waits for it.
    [Tags]    id:CT-322    proto:4.51
    Open Chat Socket At Each Replica
    Send Questions Alternately    1
    Wait Until Every Question Is Answered    1
    Make Answer Fail Again And Again    9
    Send Chat Message    The next question    one
    Wait Until Keyword Passes    10s    Check Row Count
    ...    SELECT 1 FROM answers WHERE conversation_id = '${CONVERSATION}' AND prompt = 'The next question' AND attempt > 2
    ...    ==    1    alias=main    assertion_message=the next answer was not tried again while an earlier one was owed
    Make Answer Fail Again And Again    10
    Wait Until Every Question Is Answered    2    within=10s


*** Keywords ***
Make Answer Fail Again And Again
    [Documentation]    The first replica owes an answer to a message before all others, at which it has failed so many times; its lease
    ...    lasts.
    [Arguments]    ${times: int}
    VAR    ${owed}
    ...    INSERT INTO answers (id, conversation_id, reply_to_seq, prompt, attempt, lease_owner, lease_until)
    ...    SELECT gen_random_uuid(), %s, 0, 'What nobody can answer', %s, replica, now() + interval '1 hour'
    ...    FROM socket_clients WHERE user_id = %s AND replica LIKE 'backend-1:%%'
    ...    ON CONFLICT (conversation_id, reply_to_seq) DO UPDATE SET attempt = excluded.attempt
    Execute Sql String    ${owed}    alias=main    parameters=${{ [$CONVERSATION, $times, $USER.id] }}

Pause Replicas In Turn
    [Documentation]    One replica after the other stands still for longer than a lease lasts, so many times in all.
    [Arguments]    ${times: int}
    FOR    ${number}    IN RANGE    ${times}
        VAR    ${replica}    backend-${{ $number % 2 + 1 }}
        Pause Service    ${replica}
        Wait Until Lease Of Replica Has Run Out    ${replica}
        Resume Service    ${replica}
    END

Wait Until Lease Of Replica Has Run Out
    [Documentation]    No answer of the conversation is leased to this replica any more.
    [Arguments]    ${replica}
    Wait Until Keyword Passes    10s    Check Row Count
    ...    SELECT 1 FROM answers WHERE conversation_id = '${CONVERSATION}' AND lease_owner LIKE '${replica}:%' AND lease_until > now()
    ...    ==    ${0}    alias=main    assertion_message={value} answers are still leased to ${replica}

Open Chat Socket At Each Replica
    [Documentation]    A new user with a conversation in which the assistant answers, and a socket of theirs at each replica.
    Sign In New User
    Start Conversation    assistant=${True}
    Open Chat Socket    one    url=${BACKEND_SOCKET_URL}
    Open Chat Socket    other    url=${BACKEND_2_SOCKET_URL}

Send Questions Alternately
    [Documentation]    So many messages of some chunks each, by turns at one replica and the other; each is acknowledged before the next.
    [Arguments]    ${count: int}
    FOR    ${number}    IN RANGE    ${count}
        Send Chat Message    Question ${number}${LENGTHENED}    ${{ ('one', 'other')[$number % 2] }}
    END

Wait Until Every Question Is Answered
    [Documentation]    The main database comes to hold as many answers in the conversation.
    [Arguments]    ${count: int}    ${within}=60s
    Wait Until Keyword Passes    ${within}    Check Row Count
    ...    SELECT 1 FROM messages WHERE conversation_id = '${CONVERSATION}' AND role = 'assistant'    >=    ${count}    alias=main
    ...    assertion_message=only {value} of ${count} questions are answered

Answers Should Be In Order
    [Documentation]    The stored answers are to messages of ever higher numbers.
    ${rows} =    Query    ${STORED_ANSWERS}    alias=main    return_dict=True    parameters=${{ [$CONVERSATION] }}
    VAR    ${questions}    ${{ [row['question'] for row in $rows] }}
    VAR    ${late}    ${{ [later for earlier, later in itertools.pairwise($questions) if later < earlier] }}
    Should Be Empty    ${late}    answers are stored after those to later messages: to ${late}, in all ${questions}
