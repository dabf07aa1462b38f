*** Settings ***
Documentation       What many users do at one moment: all come back, sign in, open connections, or stop to read, while others chat on.
Resource            portable/load.resource
Suite Setup         Use Target For Load    access_ttl=5
Suite Teardown      Leave Target
Test Tags           load    portable    p1    req:X01


*** Test Cases ***
A Storm Of Returning Users Loses No Message
    [Tags]    id:LD-10    req:L04
    ${load} =    Run Storm    ${USERS}    seconds=${LASTING}    every=${EVERY}
    Every User Should Be Served    ${load}
    Every User Should Have Returned    ${load}
    Load History Should Be As Promised    ${load}

A Storm With Expired Tokens Signs Nobody Out
    [Tags]    id:LD-11    req:L04
    ${load} =    Run Storm With Expired Tokens    ${USERS}    ${LASTING}    ${EVERY}
    Every User Should Be Served    ${load}
    Every User Should Have Returned    ${load}
    Tokens Should Be Refreshed Once    ${load}
    Load History Should Be As Promised    ${load}

Unaffected Users Chat On Beside Slow Readers, Floods And Rushes
    [Tags]    id:LD-12    req:L05
    ${load} =    Run Disturbed Load    ${USERS}    ${SLOW}    ${FLOOD}    ${RUSH}    ${LASTING}    ${EVERY}
    Every User Should Be Served    ${load}
    Unaffected Users Should Stay As Fast    ${load}    slow readers
    Unaffected Users Should Stay As Fast    ${load}    connection flood
    Step Should Have Done    ${load}    connection flood    connection without a credential    ${FLOOD}
    Unaffected Users Should Stay As Fast    ${load}    sign-in rush
    Step Should Have Done    ${load}    sign-in rush    sign in    ${RUSH}
    Load History Should Be As Promised    ${load}

A Rush Of Sign-ins Is Served
    [Tags]    id:LD-13    req:L05
    ${load} =    Run Disturbed Load    1    rush=${RUSH}    seconds=${LASTING}    every=0s
    Step Should Have Done    ${load}    sign-in rush    sign in    ${RUSH}
