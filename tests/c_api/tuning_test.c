// SPDX-License-Identifier: Apache-2.0
// A plan whose tilings are timed, made through the C API.
#include <flashrnn/flashrnn.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

int main(void) {
  // No folder can be made there: nothing is remembered, and none of the user's files is touched.
  setenv("XDG_CACHE_HOME", "/dev/null/none", 1);
  CHECK_SUCCESS(flashrnn_initialize(NULL));
  const flashrnn_problem problem = {.struct_size = sizeof problem,
                                    .cell = "lstm",
                                    .dtype = FLASHRNN_FLOAT32,
                                    .steps = 10,
                                    .batch = 4,
                                    .heads = 2,
                                    .head_dim = 16};
  flashrnn_plan_options options = {.struct_size = sizeof options, .device = FLASHRNN_HOST_SERIAL};
  const char* text = NULL;
  flashrnn_plan* plan = NULL;
  CHECK_SUCCESS(flashrnn_plan_create(&problem, &options, &plan));
  CHECK_SUCCESS(flashrnn_plan_describe(plan, &text));
  CHECK(strstr(text, "predicted") != NULL && strstr(text, "measured") == NULL);
  flashrnn_plan_destroy(plan);
  options.tuning = FLASHRNN_TUNE_MEASURED;
  CHECK_SUCCESS(flashrnn_plan_create(&problem, &options, &plan));
  CHECK_SUCCESS(flashrnn_plan_describe(plan, &text));
  CHECK(strstr(text, "forward measured: fastest of") != NULL);
  flashrnn_plan_destroy(plan);
  CHECK_SUCCESS(flashrnn_finalize());
  return checks_outcome();
}
