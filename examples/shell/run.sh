#!/bin/sh
# Sorts the lines of the body. The answer's header is CGI's: lines, then an empty one.
printf 'Content-Type: text/plain\r\nX-Method: %s\r\n\r\n' "$REQUEST_METHOD"
case $QUERY_STRING in
*reverse*) exec sort -r ;;
*) exec sort ;;
esac
