*** Settings ***
Documentation       Whatever clients do, and whatever breaks meanwhile: drawn, shrunk, and judged by recorded histories.
...                 Sources: docs/protocol.md §4 (the promise); MacIver and Donaldson, "Test-Case Reduction via Test-Case Generation"
...                 (ECOOP 2020), for the shrinking; Jepsen, for histories and nemeses. `./run explore --count 2000` looks further.
Library             ExplorationLibrary
Resource            platform.resource
Suite Setup         Use A Private Platform    backends=2    proxies=client->backend, backend->redis, backend->postgres
...                     ACCESS_TTL=7200
Suite Teardown      Leave The Platform
Test Tags           exploration    p1    req:R02    req:R07    req:X01    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main
...                 needs:redis    needs:control.kill    needs:control.restart    needs:net.faults


*** Variables ***
${COUNT}            10
${EXPLORED_SEED}    ${None}
${KEPT}             ${CURDIR}/schedules
${TIMES}            1


*** Test Cases ***
Whatever Clients Do And Whatever Breaks Nothing Acknowledged Is Lost Doubled Or Withheld
    [Tags]    id:EX-01    req:R01
    Explore Schedules    count=${COUNT}    seed=${EXPLORED_SEED}

Schedules That Once Told A Broken Server Keep Every Promise
    [Tags]    id:EX-02
    Replay Schedules    ${KEPT}    times=${TIMES}
