// SPDX-License-Identifier: Apache-2.0
// first_plan_bench CELL:HEAD_DIMxHEADS:BATCH:TYPE:inference|training: how long a process waits for
// its first plan on CUDA, through the C API, and for the same plan again. One problem per process,
// since the second finds tilings and kernels that the first has brought.
#include <flashrnn/flashrnn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int type_named(const char* name, flashrnn_dtype* type) {
  static const struct {
    const char* name;
    flashrnn_dtype type;
  } all[] = {{"bfloat16", FLASHRNN_BFLOAT16},
             {"float16", FLASHRNN_FLOAT16},
             {"float32", FLASHRNN_FLOAT32}};
  for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); ++n)
    if (strcmp(name, all[n].name) == 0) {
      *type = all[n].type;
      return 1;
    }
  return 0;
}

static int failed(const char* what) {
  fprintf(stderr, "first_plan_bench: %s: %s\n", what, flashrnn_last_error());
  return EXIT_FAILURE;
}

int main(int count, char** arguments) {
  char cell[32], type[16], kind[16];
  long long head_dim = 0, heads = 0, batch = 0;
  flashrnn_problem problem = {.struct_size = sizeof(problem)};
  if (count != 2 ||
      sscanf(arguments[1], "%31[^:]:%lldx%lld:%lld:%15[^:]:%15s", cell, &head_dim, &heads, &batch,
             type, kind) != 6 ||
      !type_named(type, &problem.dtype) ||
      (strcmp(kind, "training") != 0 && strcmp(kind, "inference") != 0)) {
    fprintf(stderr,
            "usage: first_plan_bench CELL:HEAD_DIMxHEADS:BATCH:TYPE:inference|training, such as "
            "lstm:64x12:16:bfloat16:training; TYPE is bfloat16, float16 or float32\n");
    return 2;
  }
  problem.cell = cell;
  problem.steps = 1024;
  problem.batch = batch;
  problem.heads = heads;
  problem.head_dim = head_dim;
  problem.training = strcmp(kind, "training") == 0;
  const flashrnn_plan_options options = {.struct_size = sizeof(options), .device = FLASHRNN_CUDA};

  const double begin = milliseconds();
  if (flashrnn_initialize(NULL) != FLASHRNN_SUCCESS) return failed("initialize");
  const double ready = milliseconds();
  flashrnn_plan *first = NULL, *again = NULL;
  if (flashrnn_plan_create(&problem, &options, &first) != FLASHRNN_SUCCESS) return failed("plan");
  const double made = milliseconds();
  if (flashrnn_plan_create(&problem, &options, &again) != FLASHRNN_SUCCESS)
    return failed("the plan again");
  const double made_again = milliseconds();
  printf("%-40s first plan %8.2f ms, again %5.2f ms, initialize %6.1f ms\n", arguments[1],
         made - ready, made_again - made, ready - begin);
  flashrnn_plan_destroy(again);
  flashrnn_plan_destroy(first);
  flashrnn_finalize();
  return EXIT_SUCCESS;
}
