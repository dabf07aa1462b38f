*** Settings ***
Library     Toy.py    good=True    AS    Good
Library     Toy.py    AS    Broken


*** Test Cases ***
Kept
    [Documentation]    PASS
    ${tally} =    Good.Explore Schedules    count=10    seed=7
    Should Be Equal    ${tally}[searched]    ${10}
    Should Be Equal    ${tally}[played]    ${10}

Broken
    [Documentation]    FAIL lost: phone-1 is gone (3 steps)\n  1  the witness\n\nThis schedule failed 5 of 5 times when played again:\n   1  * connects to *\n   2  * sends *\n   3  * sends its * message again\n* schedules and * to shrink one, * steps, 1 violation, seed 7\nReplay: ./run explore --replay *.json
    Broken.Explore Schedules    count=100    seed=7

Replayed
    [Documentation]    FAIL lost: phone-1 is gone (3 steps)\n  1  the witness\n\nThis schedule failed 4 of 4 times when played again:\n*
    Broken.Replay Schedule    ${FOUND}    times=4

Replayed And Kept
    [Documentation]    PASS
    Good.Replay Schedule    ${FOUND}
    Good.Replay Schedules    ${FOUND}

Damaged
    [Documentation]    FAIL *damaged.json: damaged: Expecting value: line 1 column 1 (char 0)
    Good.Replay Schedule    ${DAMAGED}

No Schedules
    [Documentation]    FAIL * holds no schedule
    Good.Replay Schedules    ${EMPTY_FOLDER}
