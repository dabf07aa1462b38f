*** Settings ***
Documentation       A session that lives in cookies is kept from scripts, plain connections and pages of other origins.
...                 Sources: OWASP ASVS 5.0 3.3 (cookies) and 3.5 (requests of other origins), WSTG-SESS-02 and SESS-05.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Tags           portable    p0    req:T29


*** Test Cases ***
Cookies Of A Session Are Protected
    [Tags]    id:T29-01    sec:S09
    ${user} =    Sign In
    Every Endpoint Should Recognise User    ${user}
    Cookies Should Be Protected    ${user}

A Page Of Another Origin Cannot Act For A User
    [Tags]    id:T29-02    sec:W01
    ${user} =    Sign In
    Foreign Page Should Not Act    ${user}
