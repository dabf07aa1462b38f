*** Settings ***
Library     WebSocketLibrary


*** Test Cases ***
Leave It Open
    Open Connection    ${URL}/echo/left-open
