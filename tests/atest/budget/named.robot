*** Settings ***
Documentation       Budgets whose limits stand in a file.
Library             BudgetLibrary
Test Setup          Start Budget    named


*** Test Cases ***
A Named Budget Holds
    Budget Should Hold    named

An Unknown Budget Has No Limit
    Start Budget    unknown
    Budget Should Hold    unknown
