*** Settings ***
Documentation       Order holds for each user however many write at once, and nobody suffers from another user who writes much.
...                 What counts as kept says the target (promises.delivery and promises.load); judged by the recorded history of every
...                 socket and by the stored messages.
Resource            portable/vocabulary.resource
Suite Setup         Use Target Alone
Suite Teardown      Leave Target
Test Teardown       End Load
Test Tags           portable    critical    p0


*** Test Cases ***
A Hundred Users Find Their Own Messages In Order
    [Tags]    id:C05-01    req:C05.1    proto:4.120    proto:4.121    proto:4.123
    Open Chats For Users    100
    Send From Every Chat    10
    Burst Should Settle
    Acknowledgements Should Be In Order
    Chats Should Have Gone On
    Chat History Should Be As Promised

A Burst Of A Thousand Messages Is Stored In Order
    [Tags]    id:C05-02    req:C05.2
    Open Chats For Users    2    at_one_endpoint=yes
    Send Burst    chat-0
    Send Burst    chat-1    10
    Burst Should Settle
    Acknowledgements Should Be In Order
    Chats Should Have Gone On
    Chat History Should Be As Promised    stored=yes

Nothing Is Acknowledged Before It Is Stored
    [Tags]    id:C05-03    req:C05.2    proto:4.30    proto:R1.01
    Open Chats For Users    1
    Hold Storing Of Messages    ${ROOMS}[0]
    Send Burst    chat-0
    Chats Should Be Served
    Storing Should Wait
    No Message Should Be Acknowledged
    Release Stores
    Burst Should Settle
    Chat History Should Be As Promised

A Burst Slows Another User At Most Tenfold
    [Tags]    id:C05-04    req:C05.3    proto:4.119
    Open Chats For Users    2    at_one_endpoint=yes
    Burst Should Not Slow Other Chat    chat-0    other=chat-1

A Burst Delays Another User By A Quarter Of It
    [Tags]    id:C05-05    req:C05.3    proto:4.118
    Open Chats For Users    2    at_one_endpoint=yes
    Hold Storing Of Messages    ${ROOMS}[0]
    Send Burst    chat-0
    Chats Should Be Served
    Send Burst    chat-1    10
    Chats Should Be Served
    Release Stores
    Burst Should Settle
    Burst Should Not Be Ahead Of Other Chat    chat-0    other=chat-1


*** Keywords ***
End Load
    [Documentation]    For a teardown: the stores are released, and every chat is closed.
    Release Stores
    Close Chats
