*** Settings ***
Documentation       Each test's documentation is its declared verdict.
Library             DataFactory    seed=atest
Library             JWTLibrary
Library             ../UseTarget.py
Suite Setup         Use Target    ${DESCRIPTOR}


*** Test Cases ***
A User Is Signed Up And In
    [Documentation]    PASS
    ${user} =    Create User
    Should Match Regexp    ${user.email}    ^[a-z.]+\\.[0-9a-f]{12}@example\\.test$
    Get Token Claim    ${user.access_token}    sub    ==    ${user.id}
    Get Token Claim    ${user.access_token}    sid    ==    ${user.session_id}
    Get Token Claim    ${user.access_token}    email    ==    ${user.email}
    Log    ${user} ${user.access_token.value} ${user.refresh_token.value} ${user.password.value}

Two Users Differ
    [Documentation]    PASS
    ${one} =    Create User    name=Same Name
    ${two} =    Create User    name=Same Name    client_id=mobile
    Should Not Be Equal    ${one.email}    ${two.email}
    Should Be Equal    ${one.name}    ${two.name}
    Get Token Claim    ${two.access_token}    client_id    ==    mobile

A Further Login Is A Further Session
    [Documentation]    PASS
    ${user} =    Create User
    ${phone} =    Log In Again    ${user}    client_id=mobile    device=phone
    Should Be Equal    ${phone.id}    ${user.id}
    Should Not Be Equal    ${phone.session_id}    ${user.session_id}

A Taken Address Is An Error
    [Documentation]    FAIL CallError: POST /auth/signup was answered by auth with 409 email_taken: *
    ${user} =    Create User
    Create User    email=${user.email}

An Unknown Client Is An Error
    [Documentation]    FAIL CallError: POST /auth/login was answered by auth with 40*
    Create User    client_id=nobody

Load Users Come In Batches
    [Documentation]    PASS
    @{crowd} =    Create Load Users    5
    Get Token Claim    ${crowd[4].access_token}    plan    ==    bulk
    Length Should Be    ${{ {user.id for user in $crowd} }}    5
    Get Token Claim    ${crowd[4].access_token}    sub    ==    ${crowd[4].id}

Load Users Have No Password
    [Documentation]    FAIL ValueError: * was made in a batch and has no password to log in with
    @{crowd} =    Create Load Users    1
    Log In Again    ${crowd}[0]

An Identity Is Known To The Provider
    [Documentation]    PASS
    ${person} =    Create Provider Identity
    ${renamed} =    Create Provider Identity    sub=${person.sub}    name=${person.name}
    Should Be Equal    ${renamed.sub}    ${person.sub}
    Should Not Be Equal    ${renamed.email}    ${person.email}

Conversations Have Messages
    [Documentation]    PASS
    ${user} =    Create User
    ${chat} =    Create Conversation    ${user}    messages=3
    Should Be Equal    ${chat.last_seq}    ${3}
    Should Be Equal    ${chat.messages[2].seq}    ${3}
    Should Be Equal    ${chat.messages[0].sender}    ${user.id}
    @{more} =    Add Messages    ${user}    ${chat}    2
    Should Be Equal    ${more[1].seq}    ${5}
    @{all} =    Create Conversations    ${user}    count=2    messages=1
    VAR    @{everybody}    ${user}    ${user}    ${user}
    @{each} =    Create Conversation For Each    ${everybody}    assistant=True
    Length Should Be    ${{ {one.id for one in $each if one.assistant} }}    ${3}
    Length Should Be    ${all}    2

A Foreign Conversation Is An Error
    [Documentation]    FAIL CallError: POST /api/conversations/* was answered by backend with 404 not_found: *
    ${owner} =    Create User
    ${stranger} =    Create User
    ${chat} =    Create Conversation    ${owner}
    Add Messages    ${stranger}    ${chat}
