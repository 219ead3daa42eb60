// SPDX-License-Identifier: Apache-2.0
// Different plans in different threads at once, one plan in several, and last errors per thread.
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "lstm_case.h"

enum { THREADS = 6 };

static flashrnn_device device_of_thread(int thread) {
  static const flashrnn_device devices[] = {FLASHRNN_HOST_SERIAL, FLASHRNN_HOST_OPENMP,
                                            FLASHRNN_CUDA};
  const flashrnn_device device = devices[thread % 3];
  return flashrnn_device_built(device) ? device : FLASHRNN_HOST_SERIAL;
}

static void* run_own_plans(void* argument) {
  const int thread = *(const int*)argument;
  for (int n = 0; n < 5; ++n) {
    // Every thread takes part in the counting of initialisations.
    CHECK_SUCCESS(flashrnn_initialize(NULL));
    const lstm_case run = {.device = device_of_thread(thread),
                           .backend = "kokkos",
                           .dtype = n % 2 == 0 ? FLASHRNN_FLOAT32 : FLASHRNN_FLOAT64,
                           .order = FLASHRNN_TIME_MAJOR,
                           .kind = layout_contiguous,
                           .size = {6 + thread, 3 + n, 2, 9},
                           .seed = (unsigned)(100 * thread + n),
                           .own_stream = n % 2,
                           .repeats = 3};
    lstm_case_run(&run);
    CHECK_SUCCESS(flashrnn_finalize());
  }
  return NULL;
}

static void* fail_differently(void* argument) {
  const int thread = *(const int*)argument;
  char cell[32], part[64];
  snprintf(cell, sizeof(cell), "cell number %d", thread);
  snprintf(part, sizeof(part), "'%s'", cell);
  const flashrnn_problem problem = {.struct_size = sizeof(problem),
                                    .cell = cell,
                                    .dtype = FLASHRNN_FLOAT32,
                                    .steps = 1,
                                    .batch = 1,
                                    .heads = 1,
                                    .head_dim = 1};
  const flashrnn_plan_options options = {.struct_size = sizeof(options),
                                         .device = FLASHRNN_HOST_SERIAL};
  for (int n = 0; n < 200; ++n) {
    flashrnn_plan* plan = NULL;
    CHECK_FAILS(flashrnn_plan_create(&problem, &options, &plan), FLASHRNN_INVALID_ARGUMENT, part);
    CHECK(plan == NULL);
  }
  return NULL;
}

/// Calls with one plan wait for each other: same input, so the same output whoever comes last.
typedef struct shared_plan {
  flashrnn_plan* plan;
  flashrnn_forward_arguments arguments;
} shared_plan;

static void* run_shared_plan(void* argument) {
  const shared_plan* const shared = argument;
  for (int n = 0; n < 50; ++n)
    CHECK_SUCCESS(flashrnn_forward(shared->plan, NULL, &shared->arguments));
  return NULL;
}

static void run_threads(void* (*body)(void*), void* arguments[THREADS]) {
  pthread_t threads[THREADS];
  for (int n = 0; n < THREADS; ++n)
    CHECK(pthread_create(&threads[n], NULL, body, arguments[n]) == 0);
  for (int n = 0; n < THREADS; ++n) CHECK(pthread_join(threads[n], NULL) == 0);
}

static void share_one_plan(void) {
  const flashrnn_problem problem = {.struct_size = sizeof(problem),
                                    .cell = "elman_relu",
                                    .dtype = FLASHRNN_FLOAT32,
                                    .steps = 3,
                                    .batch = 1,
                                    .heads = 1,
                                    .head_dim = 1};
  const flashrnn_plan_options options = {.struct_size = sizeof(options),
                                         .device = FLASHRNN_HOST_SERIAL};
  flashrnn_plan* plan = NULL;
  flashrnn_sizes sizes = {.struct_size = sizeof(sizes)};
  if (!CHECK_SUCCESS(flashrnn_plan_create(&problem, &options, &plan)) ||
      !CHECK_SUCCESS(flashrnn_plan_sizes(plan, &sizes)))
    return;
  const float x[3] = {1, 2, 3}, matrix = 1;
  float h[3] = {0, 0, 0};
  void* const workspace = device_allocate(FLASHRNN_HOST_SERIAL, sizes.forward_workspace);
  shared_plan shared = {
      .plan = plan,
      .arguments = {.struct_size = sizeof(shared.arguments),
                    .x = {.data = x, .bytes = sizeof(x)},
                    .R = {.data = &matrix, .bytes = sizeof(matrix)},
                    .h = {.data = h, .bytes = sizeof(h)},
                    .workspace = {.data = workspace, .bytes = sizes.forward_workspace}}};
  void* arguments[THREADS];
  for (int n = 0; n < THREADS; ++n) arguments[n] = &shared;
  run_threads(run_shared_plan, arguments);
  CHECK(h[0] == 1 && h[1] == 3 && h[2] == 6);
  flashrnn_plan_destroy(plan);
  device_free(FLASHRNN_HOST_SERIAL, workspace);
}

int main(void) {
  if (!CHECK_SUCCESS(flashrnn_initialize(NULL))) return 1;
  int numbers[THREADS];
  void* arguments[THREADS];
  for (int n = 0; n < THREADS; ++n) {
    numbers[n] = n;
    arguments[n] = &numbers[n];
  }
  run_threads(run_own_plans, arguments);
  run_threads(fail_differently, arguments);
  CHECK(strcmp(flashrnn_last_error(), "") == 0);  // this thread has had no failure
  share_one_plan();
  CHECK_SUCCESS(flashrnn_finalize());
  return checks_outcome();
}
