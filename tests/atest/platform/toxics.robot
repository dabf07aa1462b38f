*** Settings ***
Documentation       Each toxic on a real hop, and gone when healed; a test's documentation says its verdict and message.
Library             Collections
Library             Caller.py
Resource            ../../../resources/platform.resource
Resource            ../../../resources/auth.resource
Resource            ../../../resources/socket.resource
Suite Setup         Open Private Platform    backends=2    proxies=client->backend, backend->redis, client->frontend
Suite Teardown      Leave Platform
Test Teardown       Restore Connections


*** Test Cases ***
Latency
    ${plain} =    Fastest Answer    ${BACKEND_URL}
    Add Toxic    client->backend-1    latency    latency=300ms    jitter=50ms    stream=downstream    name=slow
    Answers Take    0.25    ${{ $plain + 0.35 + 0.5 }}
    Update Toxic    client->backend-1    slow    latency=500ms    jitter=0
    Answers Take    0.5    ${{ $plain + 0.5 + 0.5 }}
    Remove Toxic    client->backend-1    slow
    Answers Take    0    0.25

Bandwidth
    ${whole} =    Answer In Bytes    ${BACKEND_URL}    /openapi.json
    Add Toxic    client->backend-1    bandwidth    rate=50KB/s
    ${slow} =    Answer In Bytes    ${BACKEND_URL}    /openapi.json
    Should Be Equal    ${slow}[bytes]    ${whole}[bytes]
    Should Be True    ${slow}[seconds] >= ${whole}[bytes] / 50000
    Should Be True    ${whole}[bytes] > 10000    the answer is too short to tell a rate from none
    Heal All
    ${healed} =    Answer In Bytes    ${BACKEND_URL}    /openapi.json
    Should Be True    ${healed}[seconds] < ${slow}[seconds]

Slow Close
    Add Toxic    client->backend-1    slow_close    delay=600ms
    ${late} =    Answer In Bytes    ${BACKEND_URL}
    Should Be Equal    ${late}[end]    closed
    Should Be True    ${late}[seconds] >= 0.6
    Heal All
    Answers Take    0    0.6

Blackhole
    Add Toxic    client->backend-1    timeout    timeout=0
    The Answer Ends    silent    0    within=1
    Service Should Not Answer    backend-1    within=4s
    Heal All
    Service Should Be Ready    backend-1

Timeout
    Add Toxic    client->backend-1    timeout    timeout=400ms
    ${answer} =    The Answer Ends    closed    0
    Should Be True    ${answer}[seconds] >= 0.4
    Heal All
    Service Should Be Ready    backend-1

Reset
    Add Toxic    client->backend-1    reset_peer    timeout=0
    The Answer Ends    ECONNRESET    0
    Heal All
    Service Should Be Ready    backend-1

Slicer
    Add Toxic    client->backend-1    slicer    average_size=40B    size_variation=10    delay=20ms
    ${answer} =    Answer In Bytes    ${BACKEND_URL}
    Should Be Equal    ${answer}[end]    closed
    Should Be True    ${answer}[seconds] >= (${answer}[bytes] // 50 - 1) * 0.02
    Should Be True    ${answer}[pieces][0] <= 50    the first piece was not cut
    Heal All
    ${healed} =    Answer In Bytes    ${BACKEND_URL}
    Should Be True    ${healed}[pieces][0] > 50

Cut After So Many Bytes
    Add Toxic    client->backend-1    limit_data    bytes=100
    The Answer Ends    closed    100
    Heal All
    Service Should Be Ready    backend-1

Refused
    Disable Hop    client->backend-1
    The Answer Ends    ECONNREFUSED    0
    Service Should Be Ready    backend-2
    ${toxics} =    Get Toxics
    Should Be Equal    ${toxics}[0][hop]    client->backend-1
    Should Be Equal    ${toxics}[0][type]    down
    Enable Hop    client->backend-1
    Service Should Be Ready    backend-1
    Add Toxic    client->backend-1    down
    The Answer Ends    ECONNREFUSED    0

Enabling A Hop Leaves Its Other Toxics
    Add Toxic    client->backend-1    latency    latency=300ms
    Disable Hop    client->backend-1
    Enable Hop    client->backend-1
    Answers Take    0.3    5

The Third Frame To The Client Is Missing
    Open A Socket To Backend
    Add Toxic    client->backend-1    drop_frame    frame=3
    ${heard} =    Answers To Five Pings
    Should Be Equal    ${heard}    ${{ ['1', '2', '4', '5'] }}
    ${again} =    Answers To Five Pings
    Should Be Equal    ${again}    ${{ ['1', '2', '3', '4', '5'] }}

The Second Frame To The Server Is Missing
    Open A Socket To Backend
    Add Toxic    client->backend-1    drop_frame    frame=2    stream=upstream    kind=text
    ${heard} =    Answers To Five Pings
    Should Be Equal    ${heard}    ${{ ['1', '3', '4', '5'] }}

A Healed Hop Drops No Frame
    Open A Socket To Backend
    Add Toxic    client->backend-1    drop_frame    frame=3
    Heal All
    ${heard} =    Answers To Five Pings
    Should Be Equal    ${heard}    ${{ ['1', '2', '3', '4', '5'] }}

What Is On A Hop Is Shown In The Form Of Toxiproxy
    Add Toxic    backend->redis    latency    latency=1.5s    jitter=20ms    stream=both    toxicity=0.5    name=half
    ${toxics} =    Get Toxics    backend-2->redis
    VAR    &{attributes}    latency=${1500.0}    jitter=${20.0}
    VAR    &{expected}    hop=backend-2->redis    name=half    type=latency    stream=both    toxicity=${0.5}
    ...    attributes=${attributes}
    Should Be Equal    ${toxics}    ${{ [dict($expected)] }}
    Heal All
    ${left} =    Get Toxics
    Should Be Empty    ${left}

The Short Keywords Are Toxics Too
    Delay Connection    backend->redis    200ms
    Delay Connection    backend->redis    300ms
    Silence Connection    client->backend-2
    Cut Connection    client->backend-1
    ${toxics} =    Get Toxics
    ${names} =    Evaluate    sorted((t['hop'], t['type'], t['attributes'].get('latency')) for t in $toxics)
    Should Be Equal    ${names}
    ...    ${{ [('backend-1->redis', 'latency', 300.0), ('backend-2->redis', 'latency', 300.0), ('client->backend-1', 'down', None), ('client->backend-2', 'timeout', None)] }}
    Delay Connection    backend->redis    0s
    ${toxics} =    Get Toxics    backend->redis
    Should Be Empty    ${toxics}

An Unknown Hop
    [Documentation]    FAIL PlatformError: there is no hop 'backend->reddis'; hops are client->frontend, *. Did you mean 'backend->redis'?
    Add Toxic    backend->reddis    latency    latency=1s

A Hop Without A Proxy
    [Documentation]    FAIL PlatformError: no fault proxy is on 'auth->redis': ask for it when the platform is made *
    Add Toxic    auth->redis    latency    latency=1s

An Unknown Toxic
    [Documentation]    FAIL PlatformError: there is no toxic 'latancy'; there is latency, *. Did you mean 'latency'?
    Add Toxic    backend->redis    latancy    latency=1s

An Unknown Attribute
    [Documentation]    FAIL PlatformError: there is no attribute of toxic 'latency', 'jiter'; there is latency, jitter. Did you mean 'jitter'?
    Add Toxic    backend->redis    latency    latency=1s    jiter=1s

A Missing Attribute
    [Documentation]    FAIL PlatformError: toxic 'limit_data' needs bytes= (bytes)
    Add Toxic    backend->redis    limit_data

A Wrong Unit
    [Documentation]    FAIL PlatformError: toxic 'latency': latency=200 is wrong, it is given as 200ms
    Add Toxic    backend->redis    latency    latency=200

A Toxic That Is Not There
    [Documentation]    FAIL PlatformError: there is no toxic on client->backend-1 of the name 'slow'; there is none
    Update Toxic    client->backend-1    slow    latency=1s

Frames That Are Encrypted
    [Documentation]    FAIL PlatformError: no frames can be dropped on client->frontend: *
    Add Toxic    client->frontend    drop_frame    frame=1

A Name That Is Taken
    [Documentation]    FAIL PlatformError: backend-1->redis has a toxic 'latency_downstream' already: *
    Add Toxic    backend-1->redis    latency    latency=1s
    Add Toxic    backend-1->redis    latency    latency=2s

What A Suite Left On Is Healed With The Platform
    [Teardown]    NONE
    Add Toxic    client->backend-1    latency    latency=1s    name=forgotten


*** Keywords ***
Restore Connections
    [Documentation]    No socket and no fault is left for the next test.
    Close All Connections
    Heal All

Answers Take
    [Documentation]    Every answer takes so many seconds at least, and the fastest no more than so many.
    [Arguments]    ${least}    ${most}
    ${taken} =    Slowest And Fastest    ${BACKEND_URL}
    Should Be True    ${least} <= ${taken}[1] <= ${most}    the fastest answer took ${taken}[1] s, not ${least} to ${most}

The Answer Ends
    [Documentation]    An answer's connection comes to this end after so many bytes.
    [Arguments]    ${end}    ${bytes}    &{options}
    ${answer} =    Answer In Bytes    ${BACKEND_URL}    &{options}
    Should Be Equal    ${answer}[end]    ${end}
    Should Be Equal As Integers    ${answer}[bytes]    ${bytes}
    RETURN    ${answer}

Open A Socket To Backend
    [Documentation]    A new user's socket, directly at the first replica.
    Sign In New User
    Open Chat Socket    url=${BACKEND_SOCKET_URL}

Answers To Five Pings
    [Documentation]    Sends five numbered pings (the protocol's, text frames) and returns the numbers of those answered by the fifth.
    ${position} =    Get Journal Position    socket
    FOR    ${number}    IN    1    2    3    4    5
        VAR    &{payload}    n=${number}
        VAR    &{frame}    type=ping    id=${number}    payload=${payload}
        Send Json    ${frame}    socket
    END
    Wait For Json    connection=socket    type=pong    id=5    since=${position}    within=10s
    ${pongs} =    Get Frames    connection=socket    since=${position}    type=pong
    RETURN    ${{ [pong.json['id'] for pong in $pongs] }}
