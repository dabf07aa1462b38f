*** Settings ***
Documentation       Every way by which a secret could reach the output.
Library             BringsTheListener.py
Library             BringsItToo.py
Suite Setup         BringsTheListener.Know    ${KNOWN}


*** Test Cases ***
In A Message
    BringsTheListener.Say    the token is ${JWT} and ${KNOWN}
    BringsTheListener.Say    <b>Authorization</b>: Bearer ${OPAQUE}    html=True
    BringsTheListener.Say    {"refresh_token": "${OPAQUE}", "code": "not_found"}
    Log    ${JWT}    WARN

In A Returned Value
    ${text} =    BringsTheListener.Say    ${JWT}
    Length Should Be    ${text}    ${{ len($JWT) }}
    VAR    &{all}    access_token=${OPAQUE}    known=${KNOWN}
    Log    ${all}

In Arguments Of A Run Keyword
    Run Keyword    Log    ${JWT}
    Run Keyword    Log Many    ${KNOWN}    &{{ {'password': $OPAQUE} }}

In Arguments That Were Written Out
    Run Keyword And Return Status    Log    {"password": "written-out-1"}
    Log    session_token=written-out-2

In A Complaint Of The Framework
    BringsTheListener.Complain    about ${JWT}

In A Loop
    FOR    ${one}    IN    ${JWT}    ${KNOWN}
        VAR    ${kept}    ${one}
        Should Not Be Empty    ${kept}
    END

In A Failure
    Fail    wanted ${KNOWN} but got ${JWT}

In A Failure Of A User Keyword
    Fails With    password=${OPAQUE}

In A Failed Comparison
    Should Be Equal    ${JWT}    ${KNOWN}

In A Skip
    Skip    because of ${JWT}

A Pass With A Secret Still Passes At Once
    Pass Execution    seen ${JWT}
    Fail    not reached

A Continuable Failure Still Continues
    BringsTheListener.Fail Continuably    first ${JWT}
    Fail    second

An Expected Error Is Compared With The Real Text
    Run Keyword And Expect Error    got ${JWT}    Fail    got ${JWT}
    TRY
        Fail    got ${KNOWN}
    EXCEPT    got ${KNOWN}
        Log    caught
    END

A Fatal Failure Still Ends The Run
    BringsTheListener.Fail Fatally    fatal ${JWT}

Not Reached
    Fail    the fatal failure was forgotten


*** Keywords ***
Fails With
    [Documentation]    A user keyword between the failure and its test.
    [Arguments]    ${text}
    Fail    it was ${text}
