// SPDX-License-Identifier: Apache-2.0

#include <stdio.h>

int main(void) {
  puts("Content-Type: text/html\n\n<h1>index</h1>");
  return 0;
}

// WAGI asks a module for routes of its own.
__attribute__((export_name("about"))) void about(void) {
  puts("Content-Type: text/plain\n\nabout");
  fflush(stdout);
}

__attribute__((export_name("_routes"))) void routes(void) {
  puts("/about about");
  fflush(stdout);
}
