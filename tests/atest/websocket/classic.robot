*** Settings ***
Documentation       The sixteen classic names.
Library             WebSocketLibrary
Test Teardown       Close All Connections    within=1s


*** Variables ***
${URL}      ws://set.by.the.test


*** Test Cases ***
Text And Binary
    [Documentation]    PASS
    Connect    ${URL}/echo    timeout=2
    ${size} =    Send    hello
    Should Be Equal    ${size}    ${11}
    ${text} =    Recv
    Should Be Equal    ${text}    hello
    Send Binary    ${{b"\x01\x02"}}
    ${bytes} =    Recv
    Should Be Equal    ${bytes}    ${{b"\x01\x02"}}
    Send    again
    ${opcode}    ${data} =    Recv Data
    Should Be Equal    ${opcode}    ${1}
    Should Be Equal    ${data}    ${{b"again"}}
    Close

Handshake Facts
    [Documentation]    PASS
    VAR    @{header}    X-One: 1    X-Two: 2
    VAR    @{protocols}    chat.v1
    Connect    ${URL}/headers    header=${header}    subprotocols=${protocols}    origin=http://o.test    cookie=a=b
    ${status} =    Getstatus
    Should Be Equal    ${status}    ${101}
    ${protocol} =    Getsubprotocol
    Should Be Equal    ${protocol}    chat.v1
    ${headers} =    Getheaders
    Should Be Equal    ${headers}[upgrade]    websocket
    ${seen} =    Recv
    Should Contain    ${seen}    "x-two": "2"
    Should Contain    ${seen}    "cookie": "a=b"

Timeouts
    [Documentation]    PASS
    Connect    ${URL}/silent    timeout=1
    ${timeout} =    Gettimeout
    Should Be Equal    ${timeout}    ${1.0}
    Settimeout    100 ms
    ${timeout} =    Gettimeout
    Should Be Equal    ${timeout}    ${0.1}
    Run Keyword And Expect Error    No frame with any data frame on * within 100 ms*    Recv
    Settimeout    ${None}
    ${timeout} =    Gettimeout
    Should Be Equal    ${timeout}    ${None}

Control Frames
    [Documentation]    PASS
    Connect    ${URL}/echo    timeout=2
    Ping    are you there
    ${opcode}    ${data} =    Recv Data    control_frame=True
    Should Be Equal    ${opcode}    ${10}
    Should Be Equal    ${data}    ${{b"are you there"}}
    Pong    unasked
    Send    still alive
    ${text} =    Recv
    Should Be Equal    ${text}    still alive

Closing
    [Documentation]    PASS
    Connect    ${URL}/echo/classic-reason    timeout=2
    Close With Reason    4200    because
    Connect    ${URL}/echo/classic-send-close    timeout=2
    Send Close
    ${opcode}    ${data} =    Recv Data
    Should Be Equal    ${opcode}    ${8}
    Should Be Equal    ${data}    ${{b"\x03\xe8"}}
    Connect    ${URL}/echo/classic-send-reason    timeout=2
    Send Close With Reason    4300    enough
    Recv Data

Recv Fails With The Close Code
    [Documentation]    FAIL No frame with any data frame on * until the socket was closed by peer with 4001 'at once'*
    Connect    ${URL}/close_at_once/4001    timeout=2
    Recv

Unknown Options Are Refused
    [Documentation]    FAIL ValueError: unknown option(s) http_proxy_host; known: cookie, header, host, origin, sslopt, subprotocols
    Connect    ${URL}/echo    http_proxy_host=127.0.0.1

Both Worlds On One Socket
    [Documentation]    PASS
    Connect    ${URL}/echo
    Send    one
    Wait For Frame    text=one
    Send Text    two
    ${two} =    Recv
    Should Be Equal    ${two}    two
