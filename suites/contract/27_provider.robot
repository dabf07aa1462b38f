*** Settings ***
Documentation       What the stand-in provider promises to those who sign in by it, and to tests that make it fail.
...                 Sources: RFC 6749 §4.1.2 (a code is used once), RFC 9700 §4.5 (injected codes); docs/protocol.md §6.
Resource            auth.resource
Resource            databases.resource
Resource            oauth.resource
Resource            platform.resource
Resource            socket.resource
Suite Setup         Open Shared Platform
Suite Teardown      Leave Platform
Test Setup          Create Provider Person
Test Teardown       Close All Connections
Test Tags           contract    p1    req:C01.3    needs:oauth.provider


*** Test Cases ***
A Form Of The Provider Is Answered Once
    [Tags]    id:CT-210    proto:6.18
    [Template]    Second Answer Should Be Refused
    deny       approve
    approve    deny
    approve    approve

An Unknown E-mail Can Be Corrected In The Form
    [Tags]    id:CT-211    proto:6.19
    ${form} =    Open Provider Page
    VAR    &{nobody}    email=nobody-${PERSON.email}
    ${refused} =    Post Form Of Provider    ${form}    ${nobody}    approve
    Should Be Equal As Integers    ${refused.status_code}    400    the status of an e-mail that the provider does not know
    ${again} =    Read Form    ${refused}
    ${to_callback} =    Answer Provider Page    ${again}
    ${answer} =    Browse    browser    ${to_callback.url}    status=302
    ${to_client} =    Read Redirect    ${answer}
    Should Contain    ${to_client.parameters}    code    a login whose e-mail was corrected ends without a code

An Injected Code Is Refused And Spent
    [Documentation]    A code that comes back with the state of another login was begun with another verifier.
    [Tags]    id:CT-212    proto:6.20    sec:O03
    ${own} =    Follow Login To Callback
    Open Fresh Browser    other
    ${theirs} =    Follow Login To Callback    browser=other
    ${injected} =    Put Code Of Callback Into    ${own}    ${theirs}
    Login Should End Without Code    other    ${injected}
    Login Should End Without Code    browser    ${own}

The Latest Of Two Users With One E-mail Signs In
    [Tags]    id:CT-213    proto:6.21    needs:db.auth
    ${latest} =    Create Provider Identity    email=${PERSON.email}
    Sign In Through Provider
    Identity Should Belong To    ${latest.sub}    ${USER_ID}

The User Who Was Put Again Is The Latest
    [Tags]    id:CT-218    proto:6.21    needs:db.auth
    Create Provider Identity    email=${PERSON.email}
    Create Provider Identity    email=${PERSON.email}    sub=${PERSON.sub}
    Sign In Through Provider
    Identity Should Belong To    ${PERSON.sub}    ${USER_ID}

A Fault For One Login Ends After It
    [Tags]    id:CT-214    proto:6.22
    [Template]    Fault Should Hold For One Login
    token    status=${500}
    id_token    signature=broken


*** Keywords ***
Post Form Of Provider
    [Documentation]    The provider's answer to its form, filled in as a person with this decision.
    [Arguments]    ${form}    ${person}    ${decision}
    VAR    &{fields}    &{form.fields}    email=${person}[email]    decision=${decision}
    ${response} =    POST On Session    browser    ${form.action}    data=${fields}    allow_redirects=${False}
    ...    expected_status=anything
    RETURN    ${response}

Second Answer Should Be Refused
    [Documentation]    Once the form was answered in one way, another answer is a page that says so, and leads nowhere.
    [Arguments]    ${first}    ${second}
    ${form} =    Open Provider Page
    Answer Provider Page    ${form}    decision=${first}
    VAR    &{person}    email=${PERSON.email}
    ${response} =    Post Form Of Provider    ${form}    ${person}    ${second}
    Should Be Equal As Integers    ${response.status_code}    400    the status of "${second}" after "${first}"
    Should Not Contain    ${response.headers}    Location    "${second}" after "${first}" leads somewhere

Put Code Of Callback Into
    [Documentation]    The address of another login's callback with the code of this one.
    [Arguments]    ${own}    ${other}
    ${code} =    Evaluate    re.search('[?&](code=[^&]*)', $own)[1]
    ${injected} =    Evaluate    re.sub('code=[^&]*', $code, $other)
    RETURN    ${injected}

Login Should End Without Code
    [Documentation]    The callback sends the client away with an error, and with no code.
    [Arguments]    ${browser}    ${callback}
    ${response} =    Browse    ${browser}    ${callback}    status=302
    ${redirect} =    Read Redirect    ${response}
    Should Not Contain    ${redirect.parameters}    code    a login with a code that was used elsewhere ends with a code
    Should Contain    ${redirect.parameters}    error    a login with a code that was used elsewhere ends without an error

Fault Should Hold For One Login
    [Documentation]    The first login of this person fails, the second is well.
    [Arguments]    ${where}    &{fault}
    Change Provider    PUT    /control/faults    ${{ {$where: $fault, 'email': $PERSON.email, 'once': True} }}
    ${callback} =    Follow Login To Callback
    Login Should End Without Code    browser    ${callback}
    Follow Login To Code
