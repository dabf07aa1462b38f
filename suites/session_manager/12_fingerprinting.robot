*** Settings ***
Documentation       A session can be bound to a device. Of the device's fingerprint auth keeps a hash and nothing else; whoever shows
...                 another one, or none, is refused, whichever store judges; a session that is bound to no device takes any.
...                 Source: docs/protocol.md §2.5.
Resource            sessions.resource
Suite Setup         Use A Private Platform    backends=1
Suite Teardown      Leave The Platform
Test Tags           session-manager    p1    needs:session.admin    needs:redis    needs:db.auth


*** Variables ***
&{SCREEN}       width=${2560}    height=${1440}
&{LAPTOP}       os=Plan 9    serial=XK-1187-é    screen=${SCREEN}    fonts=${{ ['Lucida', 'Kai'] }}
${PHONE}        an opaque text that a phone makes


*** Test Cases ***
A Session Stores Only The Hash Of Its Fingerprint
    [Tags]    id:M12-01    req:M12.1    proto:2.4.08
    A User With A Session    fingerprint=${LAPTOP}
    Stores Should Agree On The Session
    Stored Fingerprint Should Be A Hash
    Nowhere Is Kept    XK-1187
    Session Token Should Be Valid    ${SESSION}    source=redis    fingerprint=${LAPTOP}

The Order Of Traits Does Not Change A Fingerprint
    [Tags]    id:M12-02    req:M12.2    proto:2.4.09
    A User With A Session    fingerprint=${LAPTOP}
    ${reversed} =    Restated    ${LAPTOP}
    Session Token Should Be Valid    ${SESSION}    fingerprint=${reversed}
    Every Session Of The Device Has Fingerprint    ${SESSION.record}[fingerprint]    ${LAPTOP}    ${reversed}
    A User With A Session    fingerprint=${reversed}    type=MOBILE
    Session Token Should Be Valid    ${SESSION}    fingerprint=${LAPTOP}

Every Process Of Auth Computes The Same Fingerprint
    [Tags]    id:M12-03    req:M12.2    extra    needs:control.restart
    A User With A Session    fingerprint=${LAPTOP}
    Restart Service    auth
    Session Token Should Be Valid    ${SESSION}    fingerprint=${LAPTOP}
    Every Session Of The Device Has Fingerprint    ${SESSION.record}[fingerprint]    ${LAPTOP}

Devices That Differ In Anything Have Different Fingerprints
    [Tags]    id:M12-04    req:M12.3    proto:2.5.06    proto:2.5.33
    A User With A Session    fingerprint=${LAPTOP}
    ${others} =    Devices Like    ${LAPTOP}
    None Of These Devices Is Accepted    ${others}
    Session Token Should Be Valid    ${SESSION}    fingerprint=${LAPTOP}
    No Two Fingerprints Are Equal    ${LAPTOP}    ${PHONE}    @{others}

A Mismatch Is Refused And Costs The Device Nothing
    [Tags]    id:M12-05    req:M12.3    proto:2.5.33    extra    needs:control.kill
    A User With A Session    fingerprint=${LAPTOP}
    Only The Laptop Is Accepted    by=redis
    Kill Service    redis
    Only The Laptop Is Accepted    by=database
    Session Should Be As It Was Made
    [Teardown]    Redis Is Back

A Session Without Device Accepts Any Fingerprint
    [Tags]    id:M12-06    req:M12.1    proto:2.5.34    extra    needs:control.kill
    A User With A Session
    Every Device Is Accepted    by=redis
    Kill Service    redis
    Every Device Is Accepted    by=database
    [Teardown]    Redis Is Back

A Device That States No Traits Is Bound As Well
    [Tags]    id:M12-07    req:M12.1    extra
    A User With A Session    fingerprint=${{ {} }}
    Session Token Should Be Valid    ${SESSION}    fingerprint=${{ {} }}
    Session Token Should Be Invalid    ${SESSION}    fingerprint_mismatch
    Session Token Should Be Invalid    ${SESSION}    fingerprint_mismatch    fingerprint=${PHONE}

A Bound Session Stays Bound After Refresh And Migration
    [Tags]    id:M12-08    req:M12.2    extra
    A User With A Session    fingerprint=${LAPTOP}
    ${refreshed} =    Refresh Session Token    ${SESSION}
    Only The Laptop Is Accepted    ${refreshed}[session_token]    by=redis
    ${moved} =    Migrate Session    ${SESSION}
    Only The Laptop Is Accepted    ${moved}    by=redis


*** Keywords ***
Stored Fingerprint Should Be A Hash
    [Documentation]    The row's fingerprint is 64 hexadecimal digits, as many as SHA-256 (FIPS 180-4) has.
    ${row} =    Session Row    ${SESSION.session_id}
    Should Match Regexp    ${row}[fingerprint]    ^[0-9a-f]{64}$    the fingerprint in sessions is no SHA-256 hash

Nowhere Is Kept
    [Documentation]    Neither the row, the audit trail, nor Redis' document of the session contains this text.
    [Arguments]    ${text}
    ${row} =    Session Row    ${SESSION.session_id}
    ${events} =    Get Session Events    ${SESSION}
    ${document} =    Redis Value    session:${SESSION.session_id}
    FOR    ${place}    ${kept}    IN    sessions    ${row}    session_events    ${events}    Redis    ${document}
        Should Not Contain    ${{ str($kept) }}    ${text}    ${place} keeps what the device said of itself    values=False
    END

Restated
    [Documentation]    The same traits, named in the opposite order on each level.
    [Arguments]    ${traits}
    VAR    ${screen}    ${{ dict(reversed($traits.screen.items())) }}
    RETURN    ${{ dict(reversed(($traits | {'screen': $screen}).items())) }}

Every Session Of The Device Has Fingerprint
    [Documentation]    A new session with each of these statements of the traits has this stored fingerprint.
    [Arguments]    ${fingerprint}    @{statements}
    FOR    ${traits}    IN    @{statements}
        ${session} =    Create Managed Session    ${USER_ID}    fingerprint=${traits}
        Should Be Equal    ${session.record}[fingerprint]    ${fingerprint}    one device has two fingerprints
    END

Devices Like
    [Documentation]    Devices that differ from this one in one thing each: a value, its type, its case, its accent's form, the order of a
    ...    list, one trait more, one less, all in one text, no traits at all.
    [Arguments]    ${traits}
    VAR    @{others}
    ...    ${{ $traits | {'os': 'Plan 10'} }}
    ...    ${{ $traits | {'os': 'plan 9'} }}
    ...    ${{ $traits | {'serial': unicodedata.normalize('NFD', $traits['serial'])} }}
    ...    ${{ $traits | {'screen': {'width': 2560, 'height': '1440'}} }}
    ...    ${{ $traits | {'screen': {'width': 1440, 'height': 2560}} }}
    ...    ${{ $traits | {'fonts': $traits['fonts'][::-1]} }}
    ...    ${{ $traits | {'touch': None} }}
    ...    ${{ {name: value for name, value in $traits.items() if name != 'os'} }}
    ...    ${{ json.dumps($traits) }}
    ...    ${{ {} }}
    RETURN    ${others}

None Of These Devices Is Accepted
    [Documentation]    Each is a mismatch for the session of the laptop.
    [Arguments]    ${devices}
    FOR    ${device}    IN    @{devices}
        For The Case    ${device}    Session Token Should Be Invalid    ${SESSION}    fingerprint_mismatch    fingerprint=${device}
    END

No Two Fingerprints Are Equal
    [Documentation]    A new user's session with each of these devices has a fingerprint of its own.
    [Arguments]    @{devices}
    VAR    @{fingerprints}    @{EMPTY}
    FOR    ${device}    IN    @{devices}
        A User With A Session    fingerprint=${device}
        Append To List    ${fingerprints}    ${SESSION.record}[fingerprint]
    END
    List Should Not Contain Duplicates    ${fingerprints}    two devices have one fingerprint

Only The Laptop Is Accepted
    [Documentation]    This store accepts the laptop's fingerprint, and refuses another device's, and none, as a mismatch.
    [Arguments]    ${session}=${SESSION}    ${by}=redis
    Session Token Should Be Valid    ${session}    source=${by}    fingerprint=${LAPTOP}
    Session Token Should Be Invalid    ${session}    fingerprint_mismatch    ${by}    fingerprint=${PHONE}
    Session Token Should Be Invalid    ${session}    fingerprint_mismatch    ${by}
    Session Token Should Be Valid    ${session}    source=${by}    fingerprint=${LAPTOP}

Every Device Is Accepted
    [Documentation]    This store accepts the laptop, the phone, and who shows nothing.
    [Arguments]    ${by}
    Session Token Should Be Valid    ${SESSION}    source=${by}    fingerprint=${LAPTOP}
    Session Token Should Be Valid    ${SESSION}    source=${by}    fingerprint=${PHONE}
    Session Token Should Be Valid    ${SESSION}    source=${by}

Session Should Be As It Was Made
    [Documentation]    The session's record has not changed since the session was made.
    ${record} =    Get Session Record    ${SESSION}
    Should Be Equal    ${record}    ${SESSION.record}    the session was changed by who was refused
