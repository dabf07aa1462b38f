*** Settings ***
Documentation       Tabs, windows and private windows of one browser: each its own conversation, one session, none put out of work.
Resource            portable/tabs.resource
Suite Setup         Use Page Of Target
Suite Teardown      Leave Target
Test Teardown       Close Tabs
Test Tags           portable    p0    req:B02


*** Test Cases ***
Five Tabs Chat In Five Conversations
    [Tags]    id:B02-01
    ${user} =    Register User
    ${tabs} =    Open Chats In New Tabs    ${user}    5
    Send In Tab    ${tabs}[0]    only in the first
    Tab Should Show Messages    ${tabs}[0]    in ${tabs}[0]    only in the first
    FOR    ${tab}    IN    @{tabs}[1:]
        Tab Should Be Signed In    ${tab}    ${user}
        Tab Should Show Messages    ${tab}    in ${tab}
    END

A Message Reaches Every Tab Of Its Conversation
    [Tags]    id:B02-02
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    from the first
    ${second} =    Open Tab    beside=${tab}
    Open Conversation In Tab    ${second}
    Send In Tab    ${second}    from the second
    Tab Should Show Messages    ${second}    from the first    from the second
    Tab Should Show Messages    ${tab}    from the first    from the second

A Duplicated Tab Disturbs No Other
    [Tags]    id:B02-03
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before the copy
    ${copy} =    Duplicate Tab    ${tab}
    Tab Should Show Messages    ${copy}    before the copy
    Tab Should Be Connected    ${copy}
    Send In Tab    ${tab}    from the first
    Tab Should Show Messages    ${tab}    before the copy    from the first
    Send In Tab    ${copy}    from the copy
    Tab Should Show Messages    ${copy}    before the copy    from the first    from the copy
    Tab Should Show Messages    ${tab}    before the copy    from the first    from the copy

Copies Of A Copy Disturb No Tab
    [Tags]    id:B02-04
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before both
    ${copy} =    Duplicate Tab    ${tab}
    ${second} =    Duplicate Tab    ${copy}
    Tab Should Show Messages    ${second}    before both
    Reload Page    ${copy}
    Tab Should Show Messages    ${copy}    before both
    Send In Tab    ${tab}    for all three
    FOR    ${each}    IN    ${tab}    ${copy}    ${second}
        Tab Should Be Connected    ${each}
        Tab Should Show Messages    ${each}    before both    for all three
    END

A Second Window Shares The Session
    [Tags]    id:B02-05
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    in the first window
    ${window} =    Open Window    ${tab}
    Tab Should Be Signed In    ${window}    ${user}
    Start Chat In Tab    ${window}    in the second window
    Tab Should Show Messages    ${tab}    in the first window

A Private Window Shares No Session
    [Tags]    id:B02-06
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    in the window
    ${private} =    Open Private Window
    Tab Should Be Signed Out    ${private}
    ${other} =    Register User
    Sign In At Page    ${private}    ${other}
    Start Chat In Tab    ${private}    in the private window
    Tab Should Be Signed In    ${tab}    ${user}
    Tab Should Hold Nothing Of    ${tab}    ${other}    in the private window

Sign-ins Of Two Tabs End In Either Order
    [Tags]    id:B02-07    req:B01
    ${user} =    Register User
    ${first} =    Open Tab
    ${second} =    Open Tab    beside=${first}
    Begin Sign In At Page    ${first}    ${user}
    Begin Sign In At Page    ${second}    ${user}
    End Sign In At Page    ${second}
    End Sign In At Page    ${first}
    Tab Should Be Signed In    ${first}    ${user}
    Tab Should Be Signed In    ${second}    ${user}

A Replaced Tab Stays Away Until A Click
    [Tags]    id:B02-08
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before it is replaced
    ${other} =    Open Tab Of User    ${tab}    ${user}
    Open Socket Of Tab Elsewhere    ${tab}    ${other}
    Tab Should Report Lost Connection    ${tab}
    Send Tab Online    ${tab}
    Start Chat In Tab    ${other}    meanwhile
    Tab Should Have Opened Sockets    ${tab}    1
    Click To Go On    ${tab}
    Tab Should Be Connected    ${tab}
