*** Settings ***
Documentation       The way from the browser to the platform is cut, silenced or comes back: the page is honest about it and loses nothing.
...                 The driver's own "offline" leaves sockets open, so faults are those of the proxy before frontend.
...                 04_connections has what holds on any platform.
Resource            tabs.resource
Suite Setup         Use Private Platform With Page    backends=2    proxies=client->frontend    CHUNK_DELAY=0.3
Suite Teardown      Leave Platform With Page
Test Teardown       Restore Platform And Close Tabs
Test Tags           p0    req:B04    needs:platform.private    needs:net.faults


*** Test Cases ***
Messages Written Offline Are Stored Once In Their Order
    [Tags]    id:B04-04
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Send Two Messages While Offline    ${tab}    one    two
    Heal Connection    client->frontend
    Tab Should Show Unsent    ${tab}
    Tab Should Show Own Messages    ${tab}    before    one    two
    Reload Page    ${tab}
    Tab Should Show Own Messages    ${tab}    before    one    two

A Message Written While Backend Is Away Is Stored Once
    [Tags]    id:B04-05    needs:control.kill
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Kill Backends
    Tab Should Report Lost Connection    ${tab}
    Send In Tab    ${tab}    meanwhile
    Tab Should Show Unsent    ${tab}    meanwhile
    Start Backends
    Tab Should Show Messages    ${tab}    before    meanwhile
    Reload Page    ${tab}
    Tab Should Show Messages    ${tab}    before    meanwhile

A Page Notices A Half-open Connection And Replaces It
    [Tags]    id:B04-06
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Silence Connection    client->frontend    open_only=yes
    Send In Tab    ${tab}    into the silence
    Tab Should Report Lost Connection    ${tab}    within=20s
    Tab Should Show Messages    ${tab}    before    into the silence    within=30s
    Tab Should Be Connected    ${tab}

A Page That Comes Online Replaces A Half-open Connection
    [Tags]    id:B04-07
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Silence Connection    client->frontend    open_only=yes
    Send Tab Online    ${tab}
    Tab Should Report Lost Connection    ${tab}    within=8s
    Tab Should Be Connected    ${tab}

A Sign-out Over Half-open Connections Ends The Session
    [Tags]    id:B04-08
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Silence Connection    client->frontend    open_only=yes
    Sign Out At Page    ${tab}
    Tab Should Be Signed Out    ${tab}    within=25s
    Reload Page    ${tab}
    Tab Should Be Signed Out    ${tab}

A Sign-out Without Answer Is Reported As Such
    [Tags]    id:B04-09
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Silence Connection    client->frontend
    Sign Out At Page    ${tab}
    Tab Should Show Notice    ${tab}    still signed in    within=30s
    Heal Connection    client->frontend
    Click To Go On    ${tab}
    Tab Should Be Signed Out    ${tab}

A Reload Amid An Answer Loses Nothing
    [Tags]    id:B04-10
    VAR    ${text}    a text that is long enough to be answered in several pieces, one after the other
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Send In Tab    ${tab}    ${text}
    Tab Should Show Part Of Answer    ${tab}
    Reload Page    ${tab}
    Tab Should Show Messages    ${tab}    before    ${text}

A Tab That Slept While Its Connection Died Comes Back
    [Tags]    id:B04-11
    ${user} =    Register User
    ${tab} =    Open Chat In New Tab    ${user}    before
    Freeze Tab    ${tab}
    Silence Connection    client->frontend    open_only=yes
    Wake Tab    ${tab}
    Send In Tab    ${tab}    after the sleep
    Tab Should Show Messages    ${tab}    before    after the sleep    within=30s


*** Keywords ***
Send Two Messages While Offline
    [Documentation]    Two messages are written in the tab while its connection is cut; the page shows both as unsent.
    [Arguments]    ${tab}    ${first}    ${second}
    Cut Connection    client->frontend
    Tab Should Report Lost Connection    ${tab}
    Send In Tab    ${tab}    ${first}
    Send In Tab    ${tab}    ${second}
    Tab Should Show Unsent    ${tab}    ${first}    ${second}
