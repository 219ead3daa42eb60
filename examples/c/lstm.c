// SPDX-License-Identifier: Apache-2.0
// An LSTM from C: one layer's recurrence over a short sequence, forward and backward.
#include <flashrnn/flashrnn.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 6, BATCH = 2, HEADS = 1, UNITS = 4 };

/// Ends the program with the library's own words if a call failed.
static void check(flashrnn_status status) {
  if (status == FLASHRNN_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", flashrnn_status_string(status), flashrnn_last_error());
  exit(1);
}

/// `bytes` bytes aligned to 64, as workspaces must be.
static void* allocate(size_t bytes) {
  void* const out = aligned_alloc(64, (bytes + 64) / 64 * 64);
  if (out == NULL) {
    fprintf(stderr, "no memory for %zu bytes\n", bytes);
    exit(1);
  }
  return out;
}

/// Small numbers of both signs, the same in every run.
static float* numbers(size_t bytes) {
  float* const out = allocate(bytes);
  for (size_t n = 0; n < bytes / sizeof(float); ++n)
    out[n] = (float)((n * 37 + 11) % 41) / 41.0f - 0.5f;
  return out;
}

int main(void) {
  check(flashrnn_initialize(NULL));

  const flashrnn_problem problem = {.struct_size = sizeof(problem),
                                    .cell = "lstm",
                                    .dtype = FLASHRNN_FLOAT32,
                                    .steps = STEPS,
                                    .batch = BATCH,
                                    .heads = HEADS,
                                    .head_dim = UNITS,
                                    .training = 1};
  const flashrnn_plan_options options = {.struct_size = sizeof(options),
                                         .device = flashrnn_device_built(FLASHRNN_HOST_OPENMP)
                                                       ? FLASHRNN_HOST_OPENMP
                                                       : FLASHRNN_HOST_SERIAL};
  flashrnn_plan* plan = NULL;
  check(flashrnn_plan_create(&problem, &options, &plan));
  const char* description = NULL;
  check(flashrnn_plan_describe(plan, &description));
  printf("%s", description);

  flashrnn_sizes sizes = {.struct_size = sizeof(sizes)};
  check(flashrnn_plan_sizes(plan, &sizes));
  float* const x = numbers(sizes.x);   // [STEPS, BATCH, 4, HEADS, UNITS]
  float* const R = numbers(sizes.R);   // [4, HEADS, UNITS, UNITS]
  float* const b = numbers(sizes.b);   // [4, HEADS, UNITS]
  float* const dh = numbers(sizes.h);  // [STEPS, BATCH, HEADS, UNITS]
  float* const h = allocate(sizes.h);  // the same
  float* const dR = allocate(sizes.R);
  void* const states = allocate(sizes.state_sequence);
  void* const reserve = allocate(sizes.reserve);
  const size_t most = sizes.forward_workspace > sizes.backward_workspace ? sizes.forward_workspace
                                                                         : sizes.backward_workspace;
  void* const workspace = allocate(most);

  const flashrnn_forward_arguments forward = {
      .struct_size = sizeof(forward),
      .x = {.data = x, .bytes = sizes.x},
      .R = {.data = R, .bytes = sizes.R},
      .b = {.data = b, .bytes = sizes.b},
      .states = {.data = states, .bytes = sizes.state_sequence},
      .h = {.data = h, .bytes = sizes.h},
      .reserve = {.data = reserve, .bytes = sizes.reserve},
      .workspace = {.data = workspace, .bytes = most}};
  check(flashrnn_forward(plan, NULL, &forward));
  for (int t = 0; t < STEPS; ++t) {
    printf("h after step %d, first row of the batch:", t);
    for (int unit = 0; unit < UNITS; ++unit) printf(" %8.5f", (double)h[t * BATCH * UNITS + unit]);
    printf("\n");
  }

  // Gradients that are not asked for stay null: here dR alone.
  const flashrnn_backward_arguments backward = {
      .struct_size = sizeof(backward),
      .R = {.data = R, .bytes = sizes.R},
      .states = {.data = states, .bytes = sizes.state_sequence},
      .reserve = reserve,
      .reserve_bytes = sizes.reserve,
      .dh = {.data = dh, .bytes = sizes.h},
      .dR = {.data = dR, .bytes = sizes.R},
      .workspace = {.data = workspace, .bytes = most}};
  check(flashrnn_backward(plan, NULL, &backward));
  printf("dR of the input gate, first row:");
  for (int unit = 0; unit < UNITS; ++unit) printf(" %8.5f", (double)dR[unit]);
  printf("\n");

  flashrnn_plan_destroy(plan);
  check(flashrnn_finalize());
  void* const all[] = {x, R, b, dh, h, dR, states, reserve, workspace};
  for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); ++n) free(all[n]);
  return 0;
}
