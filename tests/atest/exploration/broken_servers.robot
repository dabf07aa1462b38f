*** Settings ***
Documentation       For `./run prove X01`: as suites/exploration, but it looks further before it believes in a server.
Library             ExplorationLibrary
Resource            platform.resource
Suite Setup         Open Private Platform    backends=2    proxies=client->backend, backend->redis, backend->postgres
...                     ACCESS_TTL=7200
Suite Teardown      Leave Platform


*** Test Cases ***
A Hundred Schedules Keep Every Promise
    [Tags]    id:AT-01
    Explore Schedules    count=100    seed=0    times=3    shrink_within=90s

Two Undisturbed Devices Receive The Same
    [Tags]    id:AT-02
    Replay Schedule    ${CURDIR}/undisturbed.json    times=3

What Is No Schedule Is Not Played
    [Tags]    id:AT-03
    Run Keyword And Expect Error    *: damaged: *    Replay Schedule    ${CURDIR}/broken_servers.robot
