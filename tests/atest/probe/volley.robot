*** Settings ***
Documentation       Each test's documentation is its declared verdict. The server answers nobody before three have asked.
Library             ProbeLibrary


*** Test Cases ***
Three At Once Are All Answered In Their Order
    [Documentation]    PASS
    VAR    ${token: Secret}    ${{ robot.api.types.Secret($BEARER) }}
    VAR    &{headers}    If-Match="1"
    VAR    @{requests}    @{EMPTY}
    FOR    ${n}    IN RANGE    3
        VAR    &{body}    n=${n}
        VAR    &{request}    method=PUT    url=${MEETING}    token=${token}    json=${body}    headers=${headers}
        VAR    @{requests}    @{requests}    ${request}
    END
    ${replies} =    Send At Once    ${requests}
    Should Be Equal    ${{ [reply.json['n'] for reply in $replies] }}    ${{ [0, 1, 2] }}
    Should Be Equal    ${{ {(reply.status, reply.json['if_match']) for reply in $replies} }}    ${{ {(200, '"1"')} }}

An Unexpected Status Is The Suite's To Judge
    [Documentation]    FAIL one reply: 404 not_found != 200
    VAR    &{request}    url=${MEETING}
    ${replies} =    Send At Once    ${{ [$request] }}
    VAR    ${reply}    ${replies}[0]
    Should Be Equal    ${reply.status} ${reply.code}    200    one reply

A Request Without An Address Is Refused
    [Documentation]    FAIL ValueError: a request has method, url, token, json, headers, form, credential, cookies and needs an url; got method
    VAR    &{request}    method=PUT
    Send At Once    ${{ [$request] }}

No Requests Prove Nothing
    [Documentation]    FAIL ValueError: no requests: nothing would be proved
    Send At Once    ${{ [] }}
