*** Settings ***
Documentation       A robot that has faults on its platform for as long as it lives.
Library             PlatformLibrary
Library             OperatingSystem
Suite Setup         Use Private Platform    proxies=client->backend, backend->redis


*** Test Cases ***
Hold Faults
    Add Toxic    client->backend    latency    latency=1s    name=slow
    Silence Connection    backend->redis
    VAR    ${port}    ${{ $BACKEND_URL.rpartition(':')[2] }}
    Create File    ${SIGNAL}.part    ${port}
    Move File    ${SIGNAL}.part    ${SIGNAL}
    Sleep    10min    It is killed meanwhile.
