// SPDX-License-Identifier: Apache-2.0
// Starting and stopping the library, versions, and what the plan says of itself.
#include <stddef.h>
#include <string.h>

#include "check.h"

static const flashrnn_problem problem = {.struct_size = sizeof(problem),
                                         .cell = "gru",
                                         .dtype = FLASHRNN_FLOAT32,
                                         .steps = 4,
                                         .batch = 3,
                                         .heads = 2,
                                         .head_dim = 5,
                                         .training = 1};
static const flashrnn_plan_options options = {.struct_size = sizeof(options),
                                              .device = FLASHRNN_HOST_SERIAL};

static void check_version(void) {
  int32_t major = -1, minor = -1, patch = -1;
  flashrnn_version(&major, &minor, &patch);
  CHECK(major == FLASHRNN_VERSION_MAJOR && minor == FLASHRNN_VERSION_MINOR &&
        patch == FLASHRNN_VERSION_PATCH);
  flashrnn_version(NULL, NULL, NULL);
  // What the build system calls the project's version.
  CHECK(major == FLASHRNN_TEST_VERSION_MAJOR && minor == FLASHRNN_TEST_VERSION_MINOR &&
        patch == FLASHRNN_TEST_VERSION_PATCH);
}

static void check_status_strings(void) {
  for (flashrnn_status n = FLASHRNN_SUCCESS; n <= FLASHRNN_INTERNAL_ERROR; ++n) {
    CHECK(strcmp(flashrnn_status_string(n), "unknown status") != 0);
    for (flashrnn_status other = FLASHRNN_SUCCESS; other < n; ++other)
      CHECK(strcmp(flashrnn_status_string(n), flashrnn_status_string(other)) != 0);
  }
  CHECK(strcmp(flashrnn_status_string(-1), "unknown status") == 0);
  CHECK(strcmp(flashrnn_status_string(FLASHRNN_INTERNAL_ERROR + 1), "unknown status") == 0);
}

static void check_before_initialize(void) {
  CHECK(strcmp(flashrnn_last_error(), "") == 0);
  flashrnn_plan* plan = (flashrnn_plan*)&plan;
  CHECK_FAILS(flashrnn_plan_create(&problem, &options, &plan), FLASHRNN_INVALID_STATE,
              "flashrnn_initialize");
  CHECK(plan == NULL);
  CHECK_FAILS(flashrnn_finalize(), FLASHRNN_INVALID_STATE, "flashrnn_initialize");
  const flashrnn_initialize_options unset = {.threads = 1};
  CHECK_FAILS(flashrnn_initialize(&unset), FLASHRNN_INVALID_ARGUMENT, "struct_size");
  const flashrnn_initialize_options threads = {.struct_size = sizeof(threads), .threads = -2};
  CHECK_FAILS(flashrnn_initialize(&threads), FLASHRNN_INVALID_ARGUMENT,
              "threads: expected at least 0, found -2");
  const flashrnn_initialize_options device = {.struct_size = sizeof(device), .device = 1 << 20};
  CHECK_FAILS(flashrnn_initialize(&device), FLASHRNN_INVALID_ARGUMENT, "device: expected");
}

static void check_description(flashrnn_plan* plan) {
  const char* text = NULL;
  if (CHECK_SUCCESS(flashrnn_plan_describe(plan, &text))) {
    CHECK(strstr(text, "gru") != NULL);
    CHECK(strstr(text, "float32") != NULL);
    CHECK(strstr(text, "training") != NULL);
  }
}

/// A program built with an older or newer header has shorter or longer structures.
static void check_growing_structures(flashrnn_plan* plan) {
  struct {
    flashrnn_problem known;
    int64_t unknown;
  } longer = {.known = problem, .unknown = 0};
  longer.known.struct_size = sizeof(longer);
  flashrnn_plan* other = NULL;
  CHECK_SUCCESS(flashrnn_plan_create(&longer.known, &options, &other));
  flashrnn_plan_destroy(other);
  longer.unknown = 1;
  CHECK_FAILS(flashrnn_plan_create(&longer.known, &options, &other), FLASHRNN_INVALID_ARGUMENT,
              "uses a member that this version of the library does not have");
  CHECK(other == NULL);

  struct {
    flashrnn_sizes known;
    int64_t unknown;
  } sizes = {.known = {.struct_size = sizeof(sizes)}, .unknown = 7};
  CHECK_SUCCESS(flashrnn_plan_sizes(plan, &sizes.known));
  CHECK(sizes.known.struct_size == sizeof(sizes) && sizes.unknown == 0);
  CHECK(sizes.known.states == 1 && sizes.known.input_gates == 3);
  CHECK(sizes.known.recurrent_gates == 3 && sizes.known.bias_gates == 4);
  CHECK(sizes.known.x == 4 * 4 * 3 * 3 * 2 * 5);
  CHECK(sizes.known.R == 4 * 3 * 2 * 5 * 5);
  CHECK(sizes.known.b == 4 * 4 * 2 * 5);
  CHECK(sizes.known.s0 == 4 * 1 * 3 * 2 * 5);
  CHECK(sizes.known.h == 4 * 4 * 3 * 2 * 5);
  CHECK(sizes.known.state_sequence == 4 * 1 * 4 * 3 * 2 * 5);
  CHECK(sizes.known.reserve > 0 && sizes.known.backward_workspace > 0);
}

int main(void) {
  check_version();
  check_status_strings();
  check_before_initialize();

  const flashrnn_initialize_options start = {.struct_size = sizeof(start), .threads = 2};
  CHECK_SUCCESS(flashrnn_initialize(&start));
  CHECK_SUCCESS(flashrnn_initialize(NULL));
  flashrnn_plan* plan = NULL;
  if (CHECK_SUCCESS(flashrnn_plan_create(&problem, &options, &plan))) {
    check_description(plan);
    check_growing_structures(plan);
  }
  CHECK_SUCCESS(flashrnn_finalize());  // the first one of two: the plan may live on
  CHECK_FAILS(flashrnn_finalize(), FLASHRNN_INVALID_STATE, "1 plan(s) still exist");
  check_description(plan);
  flashrnn_plan_destroy(plan);
  flashrnn_plan_destroy(NULL);
  CHECK_SUCCESS(flashrnn_finalize());
  CHECK_FAILS(flashrnn_finalize(), FLASHRNN_INVALID_STATE, "flashrnn_initialize");
  CHECK_FAILS(flashrnn_initialize(NULL), FLASHRNN_INVALID_STATE, "cannot start again");
  CHECK_FAILS(flashrnn_plan_create(&problem, &options, &plan), FLASHRNN_INVALID_STATE,
              "flashrnn_initialize");
  return checks_outcome();
}
