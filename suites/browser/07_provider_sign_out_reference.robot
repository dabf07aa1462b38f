*** Settings ***
Documentation       Who signs out at the page is asked whether to sign out at the provider, too, and decides it by a click.
...                 Sources: OpenID Connect RP-Initiated Logout 1.0 §2; docs/protocol.md §2.7, §5.
Resource            tabs.resource
Suite Setup         Use Page Of Target
Suite Teardown      Leave Target
Test Teardown       Close Tabs
Test Tags           p1    req:S09    needs:oauth.provider


*** Test Cases ***
A Page Leaves The Sign-out At The Provider To Users
    [Documentation]    The session here has ended at the first click; the one at the provider, and other applications', at the second.
    [Tags]    id:S09-23    proto:5.64
    ${user} =    Register User
    ${tab} =    Open Tab
    Sign In At Page    ${tab}    ${user}
    Sign Out At Page    ${tab}
    Tab Should Be Signed Out    ${tab}
    Provider Should Have Sessions    ${user}    1
    Sign Out At Provider At Page    ${tab}
    Provider Should Have Sessions    ${user}    0
    Tab Should Be Signed Out    ${tab}


*** Keywords ***
Provider Should Have Sessions
    [Documentation]    So many browsers are signed in at the provider as this user, within seconds.
    [Arguments]    ${user}    ${count: int}
    Wait Until Keyword Succeeds    10s    100ms    Provider Should Count Sessions    ${user}    ${count}

Provider Should Count Sessions
    [Documentation]    So many browsers are signed in at the provider as this user.
    [Arguments]    ${user}    ${count}
    VAR    &{headers}    Authorization=Bearer ${SERVICE_TOKEN.value}
    ${sessions} =    GET    ${PROVIDER_URL}/control/sessions    params=${{ {'sub': $user.values['name']} }}    headers=${headers}
    Length Should Be    ${sessions.json()}    ${count}    the provider has another number of sessions of the user
