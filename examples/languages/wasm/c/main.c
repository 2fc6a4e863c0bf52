// SPDX-License-Identifier: Apache-2.0

// A CGI program in C, compiled to a WASI module.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

int main(void) {
  const char *path = variable("PATH_INFO");
  if (strcmp(path, "/fail") == 0) {
    fprintf(stderr, "about to fail\n");
    return 7;
  }
  if (strcmp(path, "/trap") == 0) __builtin_trap();
  if (strcmp(path, "/files") == 0) {
    FILE *code = fopen("/main.c", "r"), *more = fopen("/new", "w"), *tmp = fopen("/tmp/new", "w");
    printf("Content-Type: text/plain\n\ncode %s, new file %s, /tmp %s\n", code ? "read" : "hidden",
           more ? "written" : "refused", tmp ? "written" : "refused");
    return 0;
  }
  if (strcmp(path, "/missing") == 0) printf("Status: 404 Not Found\n");
  printf("Content-Type: text/plain\nX-Method: %s\n\n", variable("REQUEST_METHOD"));
  printf("%s %s?%s\n", variable("GREETING"), path, variable("QUERY_STRING"));
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, stdin)) > 0;) fwrite(buffer, 1, n, stdout);
  return 0;
}
