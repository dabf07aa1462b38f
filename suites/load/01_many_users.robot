*** Settings ***
Documentation       Many users at once, spawned and spread by Locust, judged by the merged histories of all workers.
...                 Small here; `./run load` is the same with figures of one's own.
Resource            portable/load.resource
Suite Setup         Use Target For Load
Suite Teardown      Leave Target
Test Tags           load    portable    p1    req:X01


*** Test Cases ***
A Load On Several Workers Loses No Message
    [Tags]    id:LD-01    req:L06
    ${load} =    Run Steady Load    ${USERS}    ${LASTING}    ${EVERY}
    Every User Should Be Served    ${load}
    Load Should Stay Within    ${load}    steady    p99=${P99}
    Load History Should Be As Promised    ${load}

A Ramp Reaches Its Capacity
    [Tags]    id:LD-02    req:L02
    ${load} =    Run Ramp    ${USERS}    ${STEPS}    ${LASTING}    ${EVERY}
    Ramp Should Keep Every Promise    ${load}    ${P99}
    Load History Should Be As Promised    ${load}

A Lost Frame Among All Is Named
    [Tags]    id:LD-03    req:L06
    ${load} =    Run Load That Loses A Frame    ${USERS}    ${LASTING}    ${EVERY}
    Lost Message Should Be Named    ${load}

Rounds Of A Load Leave No Drift
    [Tags]    id:LD-04
    ${rounds} =    Run Soak    ${USERS}    ${SOAK}    ${ROUND}    ${EVERY}
    Soak Should Not Drift    ${rounds}

Idle Sockets Of Many Users Stay Open
    [Tags]    id:LD-05    req:L06
    ${load} =    Run Steady Load    ${USERS}    ${LASTING}    every=0s
    Every User Should Have Connected    ${load}

Thousands Of Sockets Keep Their Histories
    [Tags]    id:LD-06    req:L01
    Load Must Be As Large As    ${USERS}    5000    ./run load many --users 5000 --every 10 --seconds 60
    ${load} =    Run Steady Load    ${USERS}    ${LASTING}    ${EVERY}    rate=${200}
    Every User Should Be Served    ${load}
    Load Should Stay Within    ${load}    steady    p99=${P99}
    Load History Should Be As Promised    ${load}

A Long Soak Leaves No Drift
    [Tags]    id:LD-07    req:L03
    Load Must Be As Long As    ${SOAK}    30 minutes    ./run load soak --users 200 --hours 0.5
    ${rounds} =    Run Soak    ${USERS}    ${SOAK}    ${ROUND}    ${EVERY}
    Soak Should Not Drift    ${rounds}
