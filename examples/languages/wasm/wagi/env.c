// SPDX-License-Identifier: Apache-2.0

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (getenv("HTTP_X_GO")) {
    puts("Location: /elsewhere\n");
    return 0;
  }
  puts("Content-Type: text/plain\n");
  printf("%s %s %s %s\n", getenv("GREETING"), getenv("X_MATCHED_ROUTE"), getenv("PATH_INFO"),
         getenv("X_RAW_PATH_INFO"));
  for (int i = 1; i < argc; i++) printf("argument %s\n", argv[i]);
  char line[100];
  FILE *note = fopen("/data/note.txt", "r");
  if (note && fgets(line, sizeof line, note)) printf("%s", line);
  return 0;
}
