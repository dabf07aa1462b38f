*** Settings ***
Documentation       Each test's documentation is its declared verdict.
Library             RedisLibrary
Test Setup          Fresh Redis


*** Test Cases ***
Values Are Read And Asserted
    [Documentation]    PASS
    Set Redis Value    k    hello
    ${value} =    Get Redis Value    k
    Should Be Equal    ${value}    hello
    Get Redis Value    k    ==    hello
    Get Redis Value    k    contains    ell    within=1s

A Wrong Value Is Shown
    [Documentation]    FAIL Redis value 'k' 'hello' (str) should be 'bye' (str)
    Set Redis Value    k    hello
    Get Redis Value    k    ==    bye

A Value That Stays Wrong Is Shown After The Wait
    [Documentation]    FAIL Redis value 'k' did not become == 'bye' in 100 ms; last seen: 'hello'
    Set Redis Value    k    hello
    Get Redis Value    k    ==    bye    within=100ms

A Missing Key Is Not An Empty Value
    [Documentation]    FAIL Redis has no key 'k'
    Get Redis Value    k    !=    anything

A Key That Stays Missing
    [Documentation]    FAIL Redis value 'k' did not become == 'x' in 100 ms; last seen: Redis has no key 'k'
    Get Redis Value    k    ==    x    within=100ms

Documents Are Decoded
    [Documentation]    PASS
    Set Redis Value    k    {"status": "active", "n": 1}
    ${document} =    Get Redis Json    k
    Should Be Equal    ${document}[status]    active
    Get Redis Json    k    validate    value['n'] == 1

A Broken Document Is Shown
    [Documentation]    FAIL Redis key 'k' holds no JSON (*): {"status":
    Set Redis Value    k    {"status":
    Get Redis Json    k

Lifetimes Are Seconds
    [Documentation]    PASS
    Set Redis Value    k    v    ttl=1 minute
    Get Redis Ttl    k    <=    60
    Get Redis Ttl    k    >    55
    Set Redis Value    forever    v
    Get Redis Ttl    forever    >    1000000

A Wrong Lifetime Is Shown
    [Documentation]    FAIL TTL of 'k' '*' (float) should be less than or equal '10' (int)
    Set Redis Value    k    v    ttl=1 minute
    Get Redis Ttl    k    <=    10

A Missing Key Has No Lifetime
    [Documentation]    FAIL Redis has no key 'k'
    Get Redis Ttl    k    <=    10

Hashes And Sorted Sets
    [Documentation]    PASS
    Write Collections    ${URL}
    Get Redis Hash    h    one    ==    1
    ${hash} =    Get Redis Hash    h
    Should Be Equal    ${hash}    ${{ {'one': '1', 'two': '2'} }}
    ${set} =    Get Redis Sorted Set    z
    Should Be Equal    ${set}    ${{ {'a': 1.0, 'b': 2.5} }}
    Get Redis Sorted Set    z    contains    a
    Get Redis Keys    *    validate    value == ['h', 'z']

A Missing Field Is Named
    [Documentation]    FAIL Redis hash 'h' has no field 'three'; it has: one, two
    Write Collections    ${URL}
    Get Redis Hash    h    three

A Wrong Type Is An Error
    [Documentation]    FAIL Redis at redis://* refuses: WRONGTYPE *
    Write Collections    ${URL}
    Get Redis Value    h

Wrong Keys Are Shown
    [Documentation]    FAIL Redis keys 'a*' '['a1', 'a2']' (list) should not contain 'a1' (str)
    Set Redis Value    a1    x
    Set Redis Value    a2    x
    Set Redis Value    b1    x
    Get Redis Keys    a*    not contains    a1

Keys Are Deleted By Pattern
    [Documentation]    PASS
    Set Redis Value    a1    x
    Set Redis Value    b1    x
    ${n} =    Delete Redis Keys    a*
    Should Be Equal As Integers    ${n}    1
    Redis Key Should Exist    b1
    Redis Key Should Not Exist    a1

An Expiring Key Goes
    [Documentation]    PASS
    Set Redis Value    k    v    ttl=150ms
    Redis Key Should Exist    k
    Redis Key Should Not Exist    k    within=2s

A Key That Stays
    [Documentation]    FAIL Redis key 'k' did not become missing in 100 ms; last seen: 'a string'
    Set Redis Value    k    v
    Redis Key Should Not Exist    k    within=100ms

A Key That Never Comes
    [Documentation]    FAIL Redis key 'k' did not become existing in 0 ms; last seen: 'missing'
    Redis Key Should Exist    k

Messages Are Heard From The Subscription On
    [Documentation]    PASS
    Subscribe To Redis    news    user:*
    Publish To Redis    news    other
    Publish To Redis    user:7    hello
    ${message} =    Wait For Redis Message    user:*    containing=ell
    Should Be Equal    ${message.channel}: ${message.data}    user:7: hello

A Later Subscription Loses No Message Of An Earlier One
    [Documentation]    PASS
    Subscribe To Redis    one
    Publish To Redis    one    first
    Subscribe To Redis    two
    Wait For Redis Message    one    containing=first

A Message That Never Comes
    [Documentation]    FAIL no message came on channel 'news' with 'hello' within 100 ms; seen: news: other
    Subscribe To Redis    news
    Publish To Redis    news    other
    Wait For Redis Message    news    containing=hello    within=100ms

A Channel That Nobody Has Subscribed To
    [Documentation]    FAIL nothing is subscribed to 'mews': no message can come; subscribed are news, user:*
    Subscribe To Redis    news    user:*
    Wait For Redis Message    mews    within=1 minute

Of Many Other Messages The First And The Last Are Named
    [Documentation]    FAIL no message came on channel 'news' with 'hello' within 500 ms; seen: news: number 0 xxx*; … (* more) …; news: number 9 xxx*
    Subscribe To Redis    news
    FOR    ${number}    IN RANGE    10
        Publish To Redis    news    number ${number} ${{ 'x' * 190 }}
    END
    Wait For Redis Message    news    containing=hello    within=500ms

Nothing Is Subscribed
    [Documentation]    FAIL nothing is subscribed: call Subscribe To Redis first
    Wait For Redis Message

The Server Says What It Is
    [Documentation]    PASS
    ${facts} =    Get Redis Server Facts
    Should Be Equal    ${facts.name}    Valkey
    Should Start With    ${facts.compatible}    7.
    Should Not Be True    ${facts.persistent}

Two Connections
    [Documentation]    PASS
    Connect To Redis    ${URL}    connection=second
    Set Redis Value    k    v    connection=second
    Get Redis Value    k    ==    v
    Disconnect From Redis    second

An Unknown Connection
    [Documentation]    FAIL no Redis connection 'third' (there are: default): call Connect To Redis first
    Get Redis Value    k    connection=third

A Dead Server
    [Documentation]    FAIL RedisAwayError: Redis at redis://127.0.0.1:* does not answer: *refused*
    Connect To Redis    ${DEAD}

A Server That Is No Redis
    [Documentation]    FAIL NotRedisError: what answers at redis://127.0.0.1:* is not Redis: *
    Connect To Redis    ${WEB}

A URL That Is None
    [Documentation]    FAIL ValueError: not a Redis URL: http://127.0.0.1/: *
    Connect To Redis    http://127.0.0.1/


*** Keywords ***
Fresh Redis
    [Documentation]    An empty database and one connection.
    Disconnect From Redis
    Connect To Redis    ${URL}
    Flush Redis

Write Collections
    [Documentation]    A hash and a sorted set, written past the library.
    [Arguments]    ${url}
    Evaluate    redis.Redis.from_url($url).hset('h', mapping={'one': 1, 'two': 2})    modules=redis
    Evaluate    redis.Redis.from_url($url).zadd('z', {'b': 2.5, 'a': 1})    modules=redis
