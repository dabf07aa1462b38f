*** Settings ***
Documentation       Toxics where the target has no fault proxies.
Library             PlatformLibrary
Suite Setup         Use Shared Platform


*** Test Cases ***
Tagged
    [Tags]    needs:net.faults
    Add Toxic    backend->auth    latency    latency=200ms

Not Tagged
    Add Toxic    backend->auth    latency    latency=200ms

Healed Without Proxies
    Heal All
