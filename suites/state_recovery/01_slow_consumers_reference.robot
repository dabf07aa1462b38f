*** Settings ***
Documentation       A tab that does not take what it is sent is closed as soon as its queue is full, so that it costs the replica no more
...                 than the queue; no other user waits for it, and nothing of what it missed is lost. Sources: docs/protocol.md §4
...                 (4008, resumed); RFC 6455 §7.1.1 (a peer that does not take the close); judged by the recorded history.
Library             String
Resource            recovery.resource
Suite Setup         Open Private Platform    backends=2
...                     instance_env=${{ {'backend-1': {'SOCKET_QUEUE': '100', 'CLOSE_GRACE': '6'}, 'backend-2': {'MAX_REPLAY': '50'}} }}
Suite Teardown      Leave Platform
Test Teardown       Run Keywords    Drop Connections    AND    Close All Connections
Test Tags           state-recovery    p0    req:R02    needs:ws    needs:ws.resume    needs:replicas.2    needs:db.main


*** Variables ***
${LONG}         ${{ ' and so on' * 1600 }}
${TOO_SLOW}     socket_closes_total{code="4008"}


*** Test Cases ***
A Tab Within Its Queue Stays And Gets Everything
    [Tags]    id:R02-14
    Open Tab And Second Device
    Pause Reading    tab
    Send From Device    90    ${LONG}
    Resume Reading    tab
    Receive Chat Message    message 89 of device${LONG}    tab
    Connection Should Be Open    tab
    Tabs Should Have Received Everything    90    tab    device

A Slow Tab Is Closed And Recovers Everything
    [Tags]    id:R06-01    req:R06    proto:4.106    proto:4.114    proto:R2.07
    Open Tab And Second Device
    Pause Reading    tab
    Send From Device Until Tab Is Too Slow
    Resume Reading    tab
    Open Socket Should Be Closed With    4008    tab    within=10s
    Tab Should Recover All It Missed
    Tabs Should Have Received Everything    ${SENT}    tab    device

A Tab That Stops Reading Recovers On Its Next Socket
    [Documentation]    It does not even take the close frame.
    [Tags]    id:R02-02    proto:4.106    proto:4.114    proto:4.116    proto:4.117    proto:R2.07    proto:R2.08
    Open Tab And Second Device
    Pause Reading    tab
    Send From Device Until Tab Is Too Slow
    Replica Should Give Tab Up
    Wait Until Keyword Passes    5s    Replica Should Offer Nothing
    Drop Socket Connection    tab
    Tab Should Recover All It Missed
    Tabs Should Have Received Everything    ${SENT}    tab    device

A Tab Far Behind Gets The Rest Over REST
    [Tags]    id:R02-03    proto:R2.09
    Open Tab And Second Device
    Pause Reading    tab
    Send From Device Until Tab Is Too Slow
    Resume Reading    tab
    Open Socket Should Be Closed With    4008    tab    within=10s
    Remember Positions Of Tab
    Send From Device    51
    Tab Should Not Recover For    too_many_missed
    Rest Should Be There Over REST


*** Keywords ***
Send From Device Until Tab Is Too Slow
    [Documentation]    A hundred long messages at a time, each of which the device itself receives, until the first replica has decided to
    ...    close a socket with a full queue; what the network holds by itself differs. Sets ``SENT``, how many messages there are.
    ${before} =    Get Service Metric    backend-1    ${TOO_SLOW}
    VAR    ${SENT}    ${0}    scope=TEST
    WHILE    True    limit=20    on_limit_message=a tab that reads nothing is not closed, however much waits for it
        Send From Device    100    ${LONG}
        VAR    ${SENT}    ${SENT + 100}    scope=TEST
        ${closed} =    Get Service Metric    backend-1    ${TOO_SLOW}
        IF    $closed > $before    BREAK
    END

Tab Should Recover All It Missed
    [Documentation]    At the replica that found it too slow: what it was not given before it was closed is replayed, and there is some.
    ${held} =    Get Positions Of Tab
    VAR    ${missed}    ${{ $SENT - $held[$CONVERSATION]['seq'] }}
    Should Be True    ${missed} > 0    the tab was given everything, though it was closed as too slow
    Open Own Tab
    Resume Tab    ${missed}

Remember Positions Of Tab
    [Documentation]    Sets ``HELD``, the positions of the tab as it was closed.
    ${held} =    Get Positions Of Tab
    VAR    ${HELD}    ${held}    scope=TEST

Replica Should Give Tab Up
    [Documentation]    The replica ends the socket by itself: of all its sockets none is left, nor a subscription.
    FOR    ${metric}    IN    sockets_open    socket_subscriptions
        Get Service Metric    backend-1    ${metric}    ==    0    within=15s
    END

Replica Should Offer Nothing
    [Documentation]    By the kernel's list, no connection of the first replica has bytes that its peer does not take.
    VAR    ${port}    ${{ '%04X' % urllib.parse.urlsplit($BACKEND_URL).port }}
    VAR    ${stuck}    ${{ re.findall(':' + $port + r' \S+ \S\S (?!00000000:)\S+', pathlib.Path('/proc/net/tcp').read_text()) }}
    Should Be Empty    ${stuck}    the replica goes on to offer what nobody takes
