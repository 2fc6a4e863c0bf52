#!/bin/sh
# Counts the words of the body; the watchdog tells the request in Http_ variables.
echo "$Http_Method $Http_Path: $(wc -w | tr -d ' ') words, agent $Http_User_Agent"
