*** Settings ***
Documentation       A user and a socket have quotas; a refusal says when it ends, and ends then; failed sign-ins are throttled; a flood is
...                 throttled and harms no other user. Sources: RFC 6585 §4 (429), RFC 9110 §10.2.3 (Retry-After),
...                 draft-ietf-httpapi-ratelimit-headers-10, RFC 6455 §7.4.2 (close codes).
Resource            portable/vocabulary.resource
Suite Setup         Use Target Alone    rate_limit=20    rate_window=3s    socket_rate_limit=5    login_failure_limit=3
...                     address_login_failure_limit=3
Suite Teardown      Leave Target
Test Teardown       Close All Sockets
Test Tags           critical    portable    p1


*** Test Cases ***
Exactly The Quota Passes And Answers Count It Down
    [Tags]    id:C08-01    req:C08.1    req:C08.3    proto:3.2.13    proto:3.2.16    sec:R01    sec:R02
    Every Endpoint Should Hold Quota

A Socket That Ignores The Warning Is Closed
    [Tags]    id:C08-05    req:C08.2    proto:4.73    proto:4.76    proto:4.109    sec:R04
    Open Two Devices Of New User
    Flooding Socket Should Be Closed    ${PHONE}    ${ROOM}
    Send Message    ${LAPTOP}    ${ROOM}    from another device
    Message Should Arrive    ${LAPTOP}    from another device    ${ROOM}

A Refusal Reports Its End And Ends Then
    [Tags]    id:C08-06    req:C08.2    req:C08.3    proto:3.2.01    proto:3.2.17    sec:R02    sec:R04    sec:R06
    Refusal Should End As Promised

A Warned Socket Goes On After The Stated Time
    [Tags]    id:C08-11    req:C08.2    proto:4.73    sec:R04    sec:R06
    Open Two Devices Of New User
    ${seconds} =    Flooding Socket Should Be Warned    ${PHONE}    ${ROOM}
    Wait As Asked    ${seconds}
    Send Message    ${PHONE}    ${ROOM}    after the warning
    Message Should Arrive    ${LAPTOP}    after the warning    ${ROOM}
    Socket Should Be Open    ${PHONE}

Failed Sign-ins Are Throttled By Account And Address
    [Tags]    id:C08-07    req:C08.1    req:C08.3    proto:3.2.09    proto:3.2.10    sec:R05
    Failed Sign Ins Should Be Throttled

A Flood Is Throttled And Harms No Other User
    [Tags]    id:C08-08    req:C08.4    sec:R04
    ${flood} =    Flood Endpoints
    Flood Should Harm No Other User    ${flood}
    Flood Should Be Throttled    ${flood}
