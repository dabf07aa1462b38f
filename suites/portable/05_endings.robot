*** Settings ***
Documentation       What ends a session ends its tokens and open sockets within the promised time, and no other session.
...                 Source: ASVS 5.0 §7.4.
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           portable    p0    req:T24


*** Test Cases ***
Sign Out Ends Access
    [Tags]    id:T24-01
    ${user} =    Sign In
    Every Endpoint Should Recognise User    ${user}
    Sign Out    ${user}
    Access Should End    ${user}    sign_out

Sign Out Ends The Refresh Token
    [Tags]    id:T24-02    proto:2.4.17
    ${user} =    Sign In
    Sign Out    ${user}
    Refresh Should End    ${user}    sign_out

Sign Out Ends Open Sockets
    [Tags]    id:T24-03    proto:4.111
    ${user} =    Sign In
    ${sockets} =    Open Sockets Everywhere    ${user}
    Sign Out    ${user}
    Every Socket Should End    ${sockets}    sign_out

Sign Out Leaves Other Sessions Alone
    [Tags]    id:T24-04
    ${phone} =    Sign In    device=phone
    ${laptop} =    Sign In    ${phone}    device=laptop
    ${socket} =    Open Socket    ${laptop}
    Sign Out    ${phone}
    Session Should Go On    ${laptop}    ${socket}
    Access Should End    ${phone}    sign_out
    Socket Should Be Open    ${socket}

A Revoked Session Ends And The Revoking One Goes On
    [Tags]    id:T24-05
    ${lost} =    Sign In    device=phone
    ${mine} =    Sign In    ${lost}    device=laptop
    ${lost socket} =    Open Socket    ${lost}
    ${my socket} =    Open Socket    ${mine}
    Revoke Session    ${lost}    ${mine}
    Session Should Go On    ${mine}    ${my socket}
    Session Should End    ${lost}    ${lost socket}    revoke_session
    Socket Should Be Open    ${my socket}

Revoking All Sessions Ends Each
    [Tags]    id:T24-06
    ${phone} =    Sign In    device=phone
    ${laptop} =    Sign In    ${phone}    device=laptop
    ${socket} =    Open Socket    ${laptop}
    Revoke All Sessions    ${phone}
    Access Should End    ${phone}    revoke_all
    Session Should End    ${laptop}    ${socket}    revoke_all

A New Password Ends Other Sessions
    [Tags]    id:T24-07
    ${phone} =    Sign In    device=phone
    ${other} =    Sign In    ${phone}    device=laptop
    ${socket} =    Open Socket    ${other}
    ${changed} =    Change Password    ${phone}
    Session Should End    ${other}    ${socket}    change_password
    Sign In Should Be Refused    ${phone}
    ${again} =    Sign In    ${changed}
    Every Endpoint Should Recognise User    ${again}

Deactivation Ends Sessions And Refuses Sign-in
    [Tags]    id:T24-08
    ${user} =    Sign In
    ${socket} =    Open Socket    ${user}
    Deactivate Account    ${user}
    Session Should End    ${user}    ${socket}    deactivate
    Sign In Should Be Refused    ${user}

An Activated Account Signs In Again
    [Tags]    id:T24-09
    ${user} =    Sign In
    Deactivate Account    ${user}
    Activate Account    ${user}
    ${again} =    Sign In    ${user}
    Every Endpoint Should Recognise User    ${again}    within=5s

Deletion Ends Sessions And Refuses Sign-in
    [Tags]    id:T24-10
    ${user} =    Sign In
    ${socket} =    Open Socket    ${user}
    Delete Account    ${user}
    Session Should End    ${user}    ${socket}    delete_account
    Sign In Should Be Refused    ${user}

Sessions Are Listed Until They End
    [Tags]    id:T24-11    proto:2.4.33
    ${phone} =    Sign In    device=phone
    ${laptop} =    Sign In    ${phone}    device=laptop
    VAR    @{both}    ${phone}    ${laptop}
    VAR    @{one}    ${laptop}
    Sessions Should Be Listed    ${phone}    ${both}
    Sign Out    ${phone}
    Sessions Should Be Listed    ${laptop}    ${one}

Introspection Follows A Session To Its End
    [Tags]    id:T24-12
    ${user} =    Sign In
    Introspection Should Call Token    ${user}    active
    Sign Out    ${user}
    Introspection Should Call Token    ${user}    ended
