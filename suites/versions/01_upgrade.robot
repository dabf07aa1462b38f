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
