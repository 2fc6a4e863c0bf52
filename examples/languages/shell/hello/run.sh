#!/bin/sh
# A function is a program: the request's body is on standard input, its path and headers
# are CGI variables, and what is printed is the answer.
case $PATH_INFO in
/sorted) sort ;;
*) echo "hello from sh" ;;
esac
