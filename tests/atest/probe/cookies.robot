*** Settings ***
Documentation       Each test's documentation is its declared verdict. The shop signs in by a form and sets cookies.
Library             OAuthLibrary
Library             ProbeLibrary
Library             RequestsLibrary


*** Test Cases ***
A Browser Signs In By A Form And Is Recognised
    [Documentation]    PASS
    ${jar} =    Make Cookie Jar
    ${signed_in} =    Sign In    ${jar}
    Cookie Should Have Flags    ${signed_in}    session
    Cookie Should Have Flags    ${signed_in}    xsrf    secure=no    http_only=no    same_site=none
    VAR    &{me}    url=${SHOP}me    cookies=${jar}
    ${replies} =    Send At Once    ${{ [$me] * 3 }}
    Should Be Equal    ${{ {'xsrf=x1' in reply.text for reply in $replies} }}    ${{ {True} }}

A Cookie Without Its Flags Is Found
    [Documentation]    FAIL /login (200): cookie xsrf has no Secure: it travels unencrypted too
    ${jar} =    Make Cookie Jar
    ${signed_in} =    Sign In    ${jar}
    Cookie Should Have Flags    ${signed_in}    xsrf

A Session Of Requests Signs In Too
    [Documentation]    FAIL POST /login (200): cookie session has SameSite=Lax, not strict: other sites' requests carry it
    VAR    &{form}    user=alice    word=a&b=c
    Create Session    shop    ${SHOP}
    ${response} =    POST On Session    shop    /login    data=${form}
    Cookie Should Have Flags    ${response}    session    same_site=strict

Cookies Are No Text
    [Documentation]    FAIL ValueError: cookies are a dictionary or a cookie jar, not str
    VAR    &{me}    url=${SHOP}me    cookies=a=1
    Send At Once    ${{ [$me] }}


*** Keywords ***
Sign In
    [Arguments]    ${jar}
    VAR    &{form}    user=alice    word=a&b=c
    VAR    &{login}    method=POST    url=${SHOP}login    form=${form}    cookies=${jar}
    ${replies} =    Send At Once    ${{ [$login] }}
    RETURN    ${replies}[0]
