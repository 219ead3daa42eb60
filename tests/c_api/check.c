// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static atomic_int checks = 0;
static atomic_int failures = 0;

bool check_holds(bool holds, const char* file, int line, const char* text, const char* detail) {
  atomic_fetch_add(&checks, 1);
  if (!holds) {
    atomic_fetch_add(&failures, 1);
    fprintf(stderr, "%s:%d: %s\n    %s\n", file, line, text, detail);
  }
  return holds;
}

bool check_call(flashrnn_status found, flashrnn_status expected, const char* part, const char* file,
                int line, const char* text) {
  char detail[2048];
  const char* const error = found == FLASHRNN_SUCCESS ? "" : flashrnn_last_error();
  snprintf(detail, sizeof(detail), "expected %s '%s', found %s '%s'",
           flashrnn_status_string(expected), part, flashrnn_status_string(found), error);
  const bool holds = found == expected && (found == FLASHRNN_SUCCESS ||
                                           (error[0] != '\0' && strstr(error, part) != NULL));
  return check_holds(holds, file, line, text, detail);
}

int checks_outcome(void) {
  const int all = atomic_load(&checks), failed = atomic_load(&failures);
  printf("%d checks, %d failed\n", all, failed);
  return all > 0 && failed == 0 ? 0 : 1;
}
