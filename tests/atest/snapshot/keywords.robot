*** Settings ***
Documentation       Each test's documentation is its declared verdict.
Library             DatabaseLibrary
Library             SnapshotLibrary
Suite Setup         Connect
Test Setup          Two Tables
Suite Teardown      Disconnect From Database


*** Test Cases ***
Untouched Tables Are As Before
    [Documentation]    PASS
    ${before} =    Take Snapshot    ${URL}    people    places
    Rows Should Have Survived    ${before}
    Tables Should Be As Before    ${before}

A New Row Is Welcome Where Rows Shall Survive
    [Documentation]    PASS
    ${before} =    Take Snapshot    ${URL}    people
    Execute Sql String    INSERT INTO people VALUES (3, 'Cleo', NULL)
    Rows Should Have Survived    ${before}

A New Row Is Not As Before
    [Documentation]    FAIL 1 changes: people 3 is new
    ${before} =    Take Snapshot    ${URL}    people
    Execute Sql String    INSERT INTO people VALUES (3, 'Cleo', NULL)
    Tables Should Be As Before    ${before}

A Lost Row Is Named By Its Key
    [Documentation]    FAIL 1 changes: places IS/1 is gone
    ${before} =    Take Snapshot    ${URL}    people    places
    Execute Sql String    DELETE FROM places WHERE number = 1
    Rows Should Have Survived    ${before}

A Changed Value Is Shown With What It Was
    [Documentation]    FAIL 1 changes: people 2: name was 'Bo' and is 'Bob'
    ${before} =    Take Snapshot    ${URL}    people
    Execute Sql String    UPDATE people SET name = 'Bob' WHERE id = 2
    Rows Should Have Survived    ${before}

Nothing Is Not A Word
    [Documentation]    FAIL 1 changes: people 2: seen was None and is 'None'
    ${before} =    Take Snapshot    ${URL}    people
    Execute Sql String    UPDATE people SET seen = 'None' WHERE id = 2
    Rows Should Have Survived    ${before}

A Changed Key Is A Row Lost And A Row New
    [Documentation]    FAIL 2 changes: people 2 is gone; people 9 is new
    ${before} =    Take Snapshot    ${URL}    people
    Execute Sql String    UPDATE people SET id = 9 WHERE id = 2
    Tables Should Be As Before    ${before}

A Free Column May Change
    [Documentation]    PASS
    ${before} =    Take Snapshot    ${URL}    people
    Execute Sql String    UPDATE people SET seen = 'today'
    Tables Should Be As Before    ${before}    people.seen

A Column Is Free In Its Own Table Only
    [Documentation]    FAIL 1 changes: people 1: name was 'Ada' and is 'Eve'
    ${before} =    Take Snapshot    ${URL}    people
    Execute Sql String    UPDATE people SET name = 'Eve', seen = 'today' WHERE id = 1
    Rows Should Have Survived    ${before}    people.seen    places.name

Many Changes Are Counted And The First And The Last Are Shown
    [Documentation]    FAIL 80 changes: people 1 is gone; people 2 is gone; people * is gone; * more) …; people * is gone
    Execute Sql String    INSERT INTO people SELECT n, 'more', NULL FROM generate_series(3, 80) n
    ${before} =    Take Snapshot    ${URL}    people
    Execute Sql String    DELETE FROM people
    Rows Should Have Survived    ${before}

An Uncommitted Change Is Not There
    [Documentation]    PASS
    ${before} =    Take Snapshot    ${URL}    people
    Set Auto Commit    ${False}
    Execute Sql String    DELETE FROM people    no_transaction=True
    Tables Should Be As Before    ${before}
    [Teardown]    Roll Back

Tables Are The Same Bit For Bit
    [Documentation]    PASS
    ${before} =    Take Snapshot    ${URL}    people    places
    Execute Sql String    UPDATE people SET name = name
    Tables Should Be Bit For Bit As Before    ${before}

A Change Is Another Digest
    [Documentation]    FAIL the digest is another for people (name): 1 changes: people 2: name was 'Bo' and is 'Bob'
    ${before} =    Take Snapshot    ${URL}    people    places
    Execute Sql String    UPDATE people SET name = 'Bob' WHERE id = 2
    Tables Should Be Bit For Bit As Before    ${before}

A New Row Is Another Digest
    [Documentation]    FAIL the digest is another for places (country, number, name): 1 changes: places IS/3 is new
    ${before} =    Take Snapshot    ${URL}    people    places
    Execute Sql String    INSERT INTO places VALUES ('IS', 3, 'Hof')
    Tables Should Be Bit For Bit As Before    ${before}

Bits That Read Alike Are Another Digest
    [Documentation]    FAIL the digest is another for numbers (document): every value reads as it did
    Execute Sql String    CREATE TABLE numbers AS SELECT 1 AS id, jsonb '{"n": 1.0}' AS document
    Execute Sql String    ALTER TABLE numbers ADD PRIMARY KEY (id)
    ${before} =    Take Snapshot    ${URL}    numbers
    Execute Sql String    UPDATE numbers SET document = '{"n": 1.00}'
    Tables Should Be Bit For Bit As Before    ${before}

An Empty Table Proves Nothing
    [Documentation]    FAIL there is nothing to compare: no rows in people
    Execute Sql String    DELETE FROM people
    Take Snapshot    ${URL}    people    places

No Table Proves Nothing
    [Documentation]    FAIL ValueError: no tables: nothing would be proved
    Take Snapshot    ${URL}

A Table Without A Key Cannot Be Compared
    [Documentation]    FAIL table nameless has no primary key to compare by
    Execute Sql String    CREATE TABLE nameless AS SELECT 1 AS one
    Take Snapshot    ${URL}    nameless

A Missing Table Is An Error
    [Documentation]    FAIL UndefinedTable: relation "nowhere" does not exist*
    Take Snapshot    ${URL}    nowhere

Every Table Is Taken
    [Documentation]    FAIL the digest is another for people (seen): 1 changes: people 1: seen was 'yesterday' and is 'today'
    ${before} =    Take Snapshot Of Every Table    ${URL}
    Execute Sql String    UPDATE people SET seen = 'today' WHERE id = 1
    Tables Should Be Bit For Bit As Before    ${before}

A Table Is Left Out For A Reason
    [Documentation]    PASS
    ${before} =    Take Snapshot Of Every Table    ${URL}    ${{ {'people': 'they come and go'} }}
    Execute Sql String    DELETE FROM people
    Tables Should Be Bit For Bit As Before    ${before}

A Table Without Rows Proves Nothing
    [Documentation]    FAIL there is nothing to compare: no rows in people
    Execute Sql String    DELETE FROM people
    Take Snapshot Of Every Table    ${URL}

An Empty Table Must Stay Empty
    [Documentation]    FAIL the digest is another for people (id, name, seen): 1 changes: people 3 is new
    Execute Sql String    DELETE FROM people
    ${before} =    Take Snapshot Of Every Table    ${URL}    may_be_empty=${{ {'people': 'nobody has come yet'} }}
    Execute Sql String    INSERT INTO people VALUES (3, 'Cleo', NULL)
    Tables Should Be Bit For Bit As Before    ${before}

A Reason For No Table Is An Error
    [Documentation]    FAIL ValueError: the database has no table plants, but people, places
    Take Snapshot Of Every Table    ${URL}    ${{ {'plants': 'they grow'} }}

A Table Is Not Left Out Without A Reason
    [Documentation]    FAIL ValueError: no reason is given for people
    Take Snapshot Of Every Table    ${URL}    ${{ {'people': ' '} }}

A Free Column May Have Other Bytes
    [Documentation]    FAIL the digest is another for people (name): 1 changes: people 1: name was 'Ada' and is 'Eve'
    ${before} =    Take Snapshot Of Every Table    ${URL}
    Execute Sql String    UPDATE people SET seen = 'today', name = 'Eve' WHERE id = 1
    Tables Should Be Bit For Bit As Before    ${before}    people.seen

Columns That Hold A Text Are Named
    [Documentation]    PASS
    ${found} =    Get Columns Holding    ${URL}    vik    yesterday
    Should Be Equal    ${found}    ${{ ['people.seen', 'places.name'] }}
    ${found} =    Get Columns Holding    ${URL}    Reykjavik
    Should Be Empty    ${found}

Bytes Are Looked Through As Digits
    [Documentation]    PASS
    Execute Sql String    CREATE TABLE numbers (id int PRIMARY KEY, hash bytea)
    Execute Sql String    INSERT INTO numbers VALUES (1, '\\xbeef01')
    ${found} =    Get Columns Holding    ${URL}    beef01
    Should Be Equal    ${found}    ${{ ['numbers.hash'] }}


*** Keywords ***
Connect
    Connect To Database Using Custom Connection String    psycopg    ${URL}
    Set Auto Commit    ${True}

Two Tables
    Execute Sql String    DROP TABLE IF EXISTS people, places, nameless, numbers
    Execute Sql String    CREATE TABLE people (id int PRIMARY KEY, name text, seen text)
    Execute Sql String    INSERT INTO people VALUES (1, 'Ada', 'yesterday'), (2, 'Bo', NULL)
    Execute Sql String    CREATE TABLE places (country text, number int, name text, PRIMARY KEY (country, number))
    Execute Sql String    INSERT INTO places VALUES ('IS', 1, 'Vik'), ('IS', 2, 'Hella')

Roll Back
    Execute Sql String    ROLLBACK    no_transaction=True
    Set Auto Commit    ${True}
