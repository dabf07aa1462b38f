*** Settings ***
Documentation       A session can be bound to a device. Of the device's fingerprint auth keeps a hash and nothing more; anyone who shows
...                 another one, or none, is refused, whichever store judges; a session that is bound to no device takes any.
...                 Source: docs/protocol.md §2.5.
Resource            sessions.resource
Suite Setup         Open Private Platform    backends=1
Suite Teardown      Leave Platform
Test Tags           session-manager    p1    needs:session.admin    needs:redis    needs:db.auth


*** Variables ***
&{SCREEN}       width=${2560}    height=${1440}
&{LAPTOP}       os=Plan 9    serial=XK-1187-é    screen=${SCREEN}    fonts=${{ ['Lucida', 'Kai'] }}
${PHONE}        an opaque text that a phone makes


*** Test Cases ***
A Session Stores Only The Hash Of Its Fingerprint
    [Tags]    id:M12-01    req:M12.1    proto:2.4.08
    Create User With Session    fingerprint=${LAPTOP}
    Stores Should Agree On Session
    Stored Fingerprint Should Be Hash
    No Store Should Keep    XK-1187
    Session Token Should Be Valid    ${SESSION}    source=redis    fingerprint=${LAPTOP}

The Order Of Traits Does Not Change A Fingerprint
    [Tags]    id:M12-02    req:M12.2    proto:2.4.09
    Create User With Session    fingerprint=${LAPTOP}
    ${reversed} =    Make Reordered Traits    ${LAPTOP}
    Session Token Should Be Valid    ${SESSION}    fingerprint=${reversed}
    Sessions Of Device Should Have Fingerprint    ${SESSION.record}[fingerprint]    ${LAPTOP}    ${reversed}
    Create User With Session    fingerprint=${reversed}    type=MOBILE
    Session Token Should Be Valid    ${SESSION}    fingerprint=${LAPTOP}

Every Process Of Auth Computes The Same Fingerprint
    [Tags]    id:M12-03    req:M12.2    extra    needs:control.restart
    Create User With Session    fingerprint=${LAPTOP}
    Restart Service    auth
    Session Token Should Be Valid    ${SESSION}    fingerprint=${LAPTOP}
    Sessions Of Device Should Have Fingerprint    ${SESSION.record}[fingerprint]    ${LAPTOP}

Devices That Differ In Anything Have Different Fingerprints
    [Tags]    id:M12-04    req:M12.3    proto:2.5.06    proto:2.5.33
    Create User With Session    fingerprint=${LAPTOP}
    ${others} =    Make Devices Like    ${LAPTOP}
    No Device Should Be Accepted    ${others}
    Session Token Should Be Valid    ${SESSION}    fingerprint=${LAPTOP}
    No Two Fingerprints Should Be Equal    ${LAPTOP}    ${PHONE}    @{others}

A Mismatch Is Refused And Costs The Device Nothing
    [Tags]    id:M12-05    req:M12.3    proto:2.5.33    extra    needs:control.kill
    Create User With Session    fingerprint=${LAPTOP}
    Only Laptop Should Be Accepted    by=redis
    Kill Service    redis
    Only Laptop Should Be Accepted    by=database
    Session Should Be As It Was Made
    [Teardown]    Restore Redis For Auth

A Session Without Device Accepts Any Fingerprint
    [Tags]    id:M12-06    req:M12.1    proto:2.5.34    extra    needs:control.kill
    Create User With Session
    Every Device Should Be Accepted    by=redis
    Kill Service    redis
    Every Device Should Be Accepted    by=database
    [Teardown]    Restore Redis For Auth

A Device That States No Traits Is Bound As Well
    [Tags]    id:M12-07    req:M12.1    extra
    Create User With Session    fingerprint=${{ {} }}
    Session Token Should Be Valid    ${SESSION}    fingerprint=${{ {} }}
    Session Token Should Be Invalid    ${SESSION}    fingerprint_mismatch
    Session Token Should Be Invalid    ${SESSION}    fingerprint_mismatch    fingerprint=${PHONE}

A Bound Session Stays Bound After Refresh And Migration
    [Tags]    id:M12-08    req:M12.2    extra
    Create User With Session    fingerprint=${LAPTOP}
    ${refreshed} =    Refresh Session Token    ${SESSION}
    Only Laptop Should Be Accepted    ${refreshed}[session_token]    by=redis
    ${moved} =    Migrate Session    ${SESSION}
    Only Laptop Should Be Accepted    ${moved}    by=redis


*** Keywords ***
Stored Fingerprint Should Be Hash
    [Documentation]    The row's fingerprint is 64 hexadecimal digits, as many as SHA-256 (FIPS 180-4) has.
    ${row} =    Get Session Row    ${SESSION.session_id}
    Should Match Regexp    ${row}[fingerprint]    ^[0-9a-f]{64}$    the fingerprint in sessions is no SHA-256 hash

No Store Should Keep
    [Documentation]    Neither the row, the audit trail, nor Redis' document of the session contains this text.
    [Arguments]    ${text}
    ${row} =    Get Session Row    ${SESSION.session_id}
    ${events} =    Get Session Events    ${SESSION}
    ${document} =    Get Redis Value    session:${SESSION.session_id}
    FOR    ${place}    ${kept}    IN    sessions    ${row}    session_events    ${events}    Redis    ${document}
        Should Not Contain    ${{ str($kept) }}    ${text}    ${place} keeps what the device said of itself    values=False
    END

Make Reordered Traits
    [Documentation]    The same traits, named in the opposite order on each level.
    [Arguments]    ${traits}
    VAR    ${screen}    ${{ dict(reversed($traits.screen.items())) }}
    RETURN    ${{ dict(reversed(($traits | {'screen': $screen}).items())) }}

Sessions Of Device Should Have Fingerprint
    [Documentation]    A new session with each of these statements of the traits has this stored fingerprint.
    [Arguments]    ${fingerprint}    @{statements}
    FOR    ${traits}    IN    @{statements}
        ${session} =    Create Managed Session    ${USER_ID}    fingerprint=${traits}
        Should Be Equal    ${session.record}[fingerprint]    ${fingerprint}    one device has two fingerprints
    END

Make Devices Like
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

No Device Should Be Accepted
    [Documentation]    Each is a mismatch for the session of the laptop.
    [Arguments]    ${devices}
    FOR    ${device}    IN    @{devices}
        Run Case    ${device}    Session Token Should Be Invalid    ${SESSION}    fingerprint_mismatch    fingerprint=${device}
    END

No Two Fingerprints Should Be Equal
    [Documentation]    A new user's session with each of these devices has a fingerprint of its own.
    [Arguments]    @{devices}
    VAR    @{fingerprints}    @{EMPTY}
    FOR    ${device}    IN    @{devices}
        Create User With Session    fingerprint=${device}
        Append To List    ${fingerprints}    ${SESSION.record}[fingerprint]
    END
    List Should Not Contain Duplicates    ${fingerprints}    two devices have one fingerprint

Only Laptop Should Be Accepted
    [Documentation]    This store accepts the laptop's fingerprint, and refuses another device's, and none, as a mismatch.
    [Arguments]    ${session}=${SESSION}    ${by}=redis
    Session Token Should Be Valid    ${session}    source=${by}    fingerprint=${LAPTOP}
    Session Token Should Be Invalid    ${session}    fingerprint_mismatch    ${by}    fingerprint=${PHONE}
    Session Token Should Be Invalid    ${session}    fingerprint_mismatch    ${by}
    Session Token Should Be Valid    ${session}    source=${by}    fingerprint=${LAPTOP}

Every Device Should Be Accepted
    [Documentation]    This store accepts the laptop, the phone, and who shows nothing.
    [Arguments]    ${by}
    Session Token Should Be Valid    ${SESSION}    source=${by}    fingerprint=${LAPTOP}
    Session Token Should Be Valid    ${SESSION}    source=${by}    fingerprint=${PHONE}
    Session Token Should Be Valid    ${SESSION}    source=${by}

Session Should Be As It Was Made
    [Documentation]    The session's record has not changed since the session was made.
    ${record} =    Get Session Record    ${SESSION}
    Should Be Equal    ${record}    ${SESSION.record}    the session was changed by who was refused
