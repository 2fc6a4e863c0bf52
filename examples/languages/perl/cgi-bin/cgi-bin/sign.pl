#!/usr/bin/perl
use strict;
use warnings;

my ($name) = ($ENV{QUERY_STRING} // "") =~ /(?:^|&)name=(\w+)/;
print "Content-Type: text/plain\n\n", $name // "nobody", " signed $ENV{PATH_INFO}\n";
