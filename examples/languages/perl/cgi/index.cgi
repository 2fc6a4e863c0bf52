#!/usr/bin/perl
use strict;
use warnings;

if ($ENV{PATH_INFO} eq "/away") {
    print "Location: https://example.com/\n\n";
    exit;
}
print "Status: 201 Created\nContent-Type: text/plain\nX-Kind: CGI\n\n";
print "$ENV{REQUEST_METHOD} $ENV{PATH_INFO} $ENV{QUERY_STRING}\n";
