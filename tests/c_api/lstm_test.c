// SPDX-License-Identifier: Apache-2.0
// An LSTM through the C API, forward and backward, against plain loops: every device of the build,
// types, orders, layouts and odd shapes; and every element type by its bits.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "lstm_case.h"

static const flashrnn_device devices[] = {FLASHRNN_HOST_SERIAL, FLASHRNN_HOST_OPENMP,
                                          FLASHRNN_CUDA};
enum { DEVICES = sizeof(devices) / sizeof(devices[0]) };

static void run_all_cases(flashrnn_device device, const char* backend) {
  static const lstm_size sizes[] = {{1, 1, 1, 1}, {5, 3, 2, 7}, {4, 2, 1, 16}, {3, 17, 3, 5}};
  for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); ++n)
    for (int kind = layout_contiguous; kind <= layout_reversed; ++kind)
      for (flashrnn_order order = FLASHRNN_TIME_MAJOR; order <= FLASHRNN_BATCH_FIRST; ++order)
        for (flashrnn_dtype dtype = FLASHRNN_FLOAT64; dtype <= FLASHRNN_FLOAT32; ++dtype) {
          const lstm_case run = {.device = device,
                                 .backend = backend,
                                 .dtype = dtype,
                                 .order = order,
                                 .kind = (layout)kind,
                                 .size = sizes[n],
                                 .seed = (unsigned)n + 1,
                                 .own_stream = (int)n % 2,
                                 .repeats = 1 + (int)n % 2};
          lstm_case_run(&run);
        }
}

/// h = max(x, 0) with R = 0, so the bits that come out are those that went in: each type is what
/// its name says.
static void check_element_types(flashrnn_device device) {
  static const struct {
    flashrnn_dtype dtype;
    size_t bytes;
    uint64_t bits;  // of 1.5
  } types[] = {{FLASHRNN_FLOAT64, 8, 0x3ff8000000000000},
               {FLASHRNN_FLOAT32, 4, 0x3fc00000},
               {FLASHRNN_BFLOAT16, 2, 0x3fc0},
               {FLASHRNN_FLOAT16, 2, 0x3e00}};
  for (size_t n = 0; n < sizeof(types) / sizeof(types[0]); ++n) {
    const flashrnn_problem problem = {.struct_size = sizeof(problem),
                                      .cell = "elman_relu",
                                      .dtype = types[n].dtype,
                                      .steps = 1,
                                      .batch = 1,
                                      .heads = 1,
                                      .head_dim = 1,
                                      .forward_clip = 2.0};
    const flashrnn_plan_options options = {.struct_size = sizeof(options), .device = device};
    flashrnn_plan* plan = NULL;
    flashrnn_sizes sizes = {.struct_size = sizeof(sizes)};
    if (!CHECK_SUCCESS(flashrnn_plan_create(&problem, &options, &plan)) ||
        !CHECK_SUCCESS(flashrnn_plan_sizes(plan, &sizes)))
      continue;
    CHECK(sizes.x == types[n].bytes && sizes.h == types[n].bytes && sizes.R == types[n].bytes);
    CHECK(sizes.reserve == 0 && sizes.backward_workspace == 0);
    unsigned char* const memory = device_allocate(device, 3 * 8);
    memset(memory, 0, 8);
    memcpy(memory + 8, &types[n].bits, types[n].bytes);
    void* const workspace = device_allocate(device, sizes.forward_workspace);
    const flashrnn_forward_arguments arguments = {
        .struct_size = sizeof(arguments),
        .R = {.data = memory, .bytes = types[n].bytes},
        .x = {.data = memory + 8, .bytes = types[n].bytes},
        .h = {.data = memory + 16, .bytes = types[n].bytes},
        .workspace = {.data = workspace, .bytes = sizes.forward_workspace}};
    CHECK_SUCCESS(flashrnn_forward(plan, NULL, &arguments));
    CHECK_SUCCESS(flashrnn_plan_synchronize(plan));
    CHECK(memcmp(memory + 16, &types[n].bits, types[n].bytes) == 0);
    device_free(device, workspace);
    device_free(device, memory);
    flashrnn_plan_destroy(plan);
  }
}

int main(void) {
  if (!CHECK_SUCCESS(flashrnn_initialize(NULL))) return 1;
  int devices_run = 0;
  for (int n = 0; n < DEVICES; ++n) {
    if (!flashrnn_device_built(devices[n])) {
      printf("device %d is not in this build: not run\n", (int)devices[n]);
      continue;
    }
    ++devices_run;
    run_all_cases(devices[n], "kokkos");
    if (devices[n] <= FLASHRNN_HOST_OPENMP) run_all_cases(devices[n], "reference");
    check_element_types(devices[n]);
  }
  CHECK(devices_run > 0);
  CHECK_SUCCESS(flashrnn_finalize());
  return checks_outcome();
}
