*** Settings ***
Documentation       Nobody signs in or changes a password without the right one; users rule over their own sessions and rights alone.
...                 Sources: OWASP ASVS 5.0 6.2.3 (the old password is asked for), 6.3.8 (nothing tells which users exist), 7.4.3 and 7.5.2
...                 (sessions), 8.2.3 (fields that users may not change).
Resource            portable/vocabulary.resource
Suite Setup         Use Target
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           security    portable    p0    req:X03


*** Test Cases ***
A Refused Sign-in Does Not Show Whether An Account Exists
    [Tags]    id:SE-06    req:T20    proto:2.4.04    sec:R05
    ${user} =    Sign In
    ${wrong} =    Forget Password    ${user}
    ${shortened} =    Shorten Password    ${user}
    ${unknown} =    Make Up Account    ${user}
    Refusals Of Sign In Should Be Alike    ${wrong}    ${shortened}    ${unknown}
    Listed Sessions Should Be    ${user}    ${user}
    User Should Be Able To Sign In    ${user}

A Password Is Not Changed Without The Old One
    [Tags]    id:SE-07    req:T24    proto:2.4.32    sec:S05
    ${user}    ${phone} =    Sign In On Two Devices
    ${wrong} =    Forget Password    ${user}
    ${tried} =    Change Password Should Be Refused    ${wrong}
    Sign In Should Be Refused    ${tried}
    Every Endpoint Should Recognise User    ${phone}
    User Should Be Able To Sign In    ${user}

A New Password Replaces The Old And Ends Other Sessions
    [Tags]    id:SE-08    req:T24    sec:S05
    ${user}    ${phone} =    Sign In On Two Devices
    ${socket} =    Open Socket    ${user}
    ${lost} =    Open Socket    ${phone}
    ${changed} =    Change Password    ${user}
    Session Should Go On    ${user}    ${socket}
    Session Should End    ${phone}    ${lost}    change_password
    Described Stores Should Not Hold Session    ${phone}
    Described Stores Should Hold Session    ${user}
    Sign In Should Be Refused    ${user}
    User Should Be Able To Sign In    ${changed}

Users End Their Own Sessions And No Others
    [Tags]    id:SE-10    req:T24    proto:2.4.34    sec:S08
    ${user}    ${phone} =    Sign In On Two Devices
    ${other} =    Sign In
    Others Should Not End Session    ${phone}    ${other}
    Revoke Session    ${phone}    ${user}
    Access Should End    ${phone}    revoke_session
    Described Stores Should Not Hold Session    ${phone}
    Others Should Not End Session    ${other}    ${user}
    ${unknown} =    Tamper With Session Id    ${other}
    Revoke Session Should Be Refused    ${unknown}    ${user}
    Every Endpoint Should Recognise User    ${user}

A Forged Token Ends No Session
    [Tags]    id:SE-12    req:T21    sec:O08    sec:J01
    ${user} =    Sign In
    Forged Tokens Should End No Session    ${user}
    Described Stores Should Hold Session    ${user}

Users Take No Rights And No Account Of Others
    [Tags]    id:SE-16    req:T21    proto:2.4.28    proto:2.4.29
    ${user} =    Sign In
    ${other} =    Sign Up
    Users Should Not Give Themselves Rights    ${user}
    Change Profile Should Be Refused    ${user}    ${other}
    Sign Up Should Be Refused    ${other}
