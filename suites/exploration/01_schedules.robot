*** Settings ***
Documentation       Random schedules of what clients do and what breaks meanwhile: drawn, shrunk, and judged by recorded histories.
...                 Sources: MacIver and Donaldson, "Test-Case Reduction via Test-Case Generation" (ECOOP 2020), for the shrinking;
...                 Jepsen, for histories and nemeses. `./run explore --count 2000` looks further.
Resource            portable/exploration.resource
Suite Setup         Use Target For Exploration
Suite Teardown      Leave Target
Test Tags           exploration    portable    p1    req:R02    req:R07    req:X01


*** Variables ***
${COUNT}            10
${EXPLORED_SEED}    ${None}
${KEPT}             ${CURDIR}/schedules
${TIMES}            1


*** Test Cases ***
Random Schedules Keep Every Acknowledged Message
    [Tags]    id:EX-01    req:R01
    Explore Schedules    count=${COUNT}    seed=${EXPLORED_SEED}

Schedules That Broke A Server Before Keep Every Promise
    [Tags]    id:EX-02
    Replay Schedules    ${KEPT}    times=${TIMES}
