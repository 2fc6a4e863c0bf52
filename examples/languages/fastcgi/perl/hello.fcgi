#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

use strict;
use warnings;
use FCGI;

my $calls = 0;
my $request = FCGI::Request();

while ($request->Accept() >= 0) {
    $calls++;
    my $body = '';
    read(STDIN, $body, $ENV{CONTENT_LENGTH}) if $ENV{CONTENT_LENGTH};
    print "Status: 201 Created\r\n" if $ENV{REQUEST_METHOD} eq 'POST';
    print "Content-Type: text/plain\r\n\r\n";
    print "$ENV{REQUEST_METHOD} $ENV{PATH_INFO}?$ENV{QUERY_STRING} $body\n";
}
