*** Settings ***
Documentation       Users work while the platform goes from the previous release to today's, back, and to today's again: expand the schema,
...                 replace every service in turn, migrate the data, contract the schema. Nothing is lost, doubled or refused.
...                 Sources: P. Sadalage and M. Fowler, Evolutionary Database Design (expand and contract); docs/protocol.md §1 (stops);
...                 deploy/previous/README.md.
Resource            versions.resource
Suite Setup         Use Platform Of Previous Release
Suite Teardown      Leave Platform
Test Setup          Start Persistence Measurement
Test Teardown       Leave Chats
Test Tags           versions    p1    req:V01    needs:ws    needs:replicas.2    needs:control.restart    needs:platform.private


*** Test Cases ***
An Upgrade And Its Way Back Lose Nothing
    [Documentation]    The clients' sockets end with 1012 at each replacement, and their streams go on.
    [Tags]    id:V01-01
    Start Chats Of Load Users    4
    Run Probes
    Add To Schema
    Replace All Services By    ${TODAY}    1.1.0
    Replace All Services By    ${PREVIOUS}    1.0.0
    Probes Should Have Been Answered
    Chats Should Go On After Losses    closes=${{ [1012] }}    lost=4
    Tokens And Sessions Should Be Unchanged
    History Should Be Complete And In Order

The Schema Contracts Once The Old Release Is Gone
    [Documentation]    Sessions that the previous release made belong to their login at the provider as those of today do.
    [Tags]    id:V01-02    needs:oauth.provider    needs:db.auth
    Add To Schema
    Use Services Of    ${PREVIOUS}    1.0.0
    ${older} =    Sign In As Before Expansion
    Start Chats Of Load Users    2
    Replace All Services By    ${TODAY}    1.1.0
    Migrate Schema To End
    ${new} =    Sign In New Person
    Sessions Should Belong To Their Provider Logins    ${older}    ${new}
    Chats Should Go On After Losses    closes=${{ [1012] }}    lost=2


*** Keywords ***
Migrate Schema To End
    [Documentation]    Fills in what the previous release did not write, then takes away what only it needed.
    Migrate Database    auth    0006_migrate_provider
    Migrate Database    auth    0007_contract_provider

Run Probes
    [Documentation]    A new user reads at every endpoint; slow clients write through frontend, sign in and refresh at auth, on and on. Who
    ...    refreshes is another user: the many sign-ins push out the first session of theirs.
    Sign In New User
    ${reader} =    Create User
    ${refresher} =    Create User
    VAR    &{read}    every=40ms    good=200    ca_file=${CA_FILE}
    FOR    ${name}    ${url}    IN    auth    ${AUTH_URL}/users/me    backend-1    ${BACKEND_URL}/api/me
    ...    backend-2    ${BACKEND_2_URL}/api/me    frontend    ${PUBLIC_URL}/api/me
        Start Probe    ${name} reads    ${url}    ${ACCESS_TOKEN}    &{read}
    END
    Start Probe    frontend writes    ${PUBLIC_URL}/api/conversations    ${ACCESS_TOKEN}    method=POST
    ...    json=${{ {'title': 'rolling'} }}    good=2xx    hold=150ms    ca_file=${CA_FILE}
    Start Probe    auth signs in    ${AUTH_URL}/auth/login    method=POST
    ...    json=${{ {'email': $reader.email, 'password': $reader.password.value} }}    good=2xx    hold=150ms
    Start Probe    auth refreshes    ${AUTH_URL}/auth/refresh    method=POST    json=${{ {'refresh_token': $refresher.refresh_token} }}
    ...    carry=refresh_token    good=2xx    hold=150ms
    Wait For Probe Answers    2

Probes Should Have Been Answered
    [Documentation]    Each request of `Run Probes` got a good answer, at the first try.
    Wait For Probe Answers    2
    ${reports} =    Stop Probes
    FOR    ${report}    IN    @{reports.values()}
        Availability Should Be At Least    ${report}    100
    END

Sign In As Before Expansion
    [Documentation]    As `Sign In New Person`. What the previous release does not write of it was noted all the same, and is taken
    ...    away, as of a session from before the schema was expanded.
    ${session} =    Sign In New Person
    Sessions Should Belong To Their Provider Logins    ${session}
    Execute Sql String    DELETE FROM provider_sessions WHERE session_id = '${session}[0]'    alias=auth
    RETURN    ${session}
