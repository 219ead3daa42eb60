// SPDX-License-Identifier: Apache-2.0
#ifndef FLASHRNN_TESTS_C_API_CHECK_H
#define FLASHRNN_TESTS_C_API_CHECK_H

// Checks for test programs in C: a failed one prints where and what, and the program goes on.

#include <stdbool.h>

#include "flashrnn/flashrnn.h"

/// Counts one check; prints `text` and `detail` if it does not hold. Safe in threads.
bool check_holds(bool holds, const char* file, int line, const char* text, const char* detail);

/// Whether a call gave `expected` and, if that is a failure, a last error that contains `part`.
bool check_call(flashrnn_status found, flashrnn_status expected, const char* part, const char* file,
                int line, const char* text);

/// What main returns: 0 if there were checks and all of them held.
int checks_outcome(void);

#define CHECK(condition) check_holds((condition), __FILE__, __LINE__, #condition, "")
#define CHECK_SUCCESS(call) check_call((call), FLASHRNN_SUCCESS, "", __FILE__, __LINE__, #call)
#define CHECK_FAILS(call, status, part) \
  check_call((call), (status), (part), __FILE__, __LINE__, #call)

#endif
