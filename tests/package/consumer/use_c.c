// SPDX-License-Identifier: Apache-2.0
// One Elman unit for three steps, against h = tanh(R*h + x + b) written out. Also built by
// pkg-config alone.
#include <flashrnn/flashrnn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void check(flashrnn_status status) {
  if (status == FLASHRNN_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", flashrnn_status_string(status), flashrnn_last_error());
  exit(1);
}

int main(void) {
  check(flashrnn_initialize(NULL));
  const flashrnn_problem problem = {.struct_size = sizeof problem,
                                    .cell = "elman",
                                    .dtype = FLASHRNN_FLOAT64,
                                    .steps = 3,
                                    .batch = 1,
                                    .heads = 1,
                                    .head_dim = 1};
  const flashrnn_plan_options options = {.struct_size = sizeof options,
                                         .device = FLASHRNN_HOST_SERIAL};
  flashrnn_plan* plan = NULL;
  check(flashrnn_plan_create(&problem, &options, &plan));
  flashrnn_sizes sizes = {.struct_size = sizeof sizes};
  check(flashrnn_plan_sizes(plan, &sizes));

  const double x[3] = {0.5, -1.0, 0.25}, R[1] = {0.75}, b[1] = {0.125};
  double h[3] = {0};
  const size_t workspace_bytes = (sizes.forward_workspace + 63) / 64 * 64;
  void* workspace = workspace_bytes == 0 ? NULL : aligned_alloc(64, workspace_bytes);
  const flashrnn_forward_arguments arguments = {.struct_size = sizeof arguments,
                                                .x = {x, sizeof x, NULL},
                                                .R = {R, sizeof R, NULL},
                                                .b = {b, sizeof b, NULL},
                                                .h = {h, sizeof h, NULL},
                                                .workspace = {workspace, workspace_bytes}};
  check(flashrnn_forward(plan, NULL, &arguments));
  check(flashrnn_plan_synchronize(plan));

  double expected = 0;
  for (int t = 0; t < 3; ++t) {
    expected = tanh(R[0] * expected + x[t] + b[0]);
    // Four roundings and one tanh per step, contracted by the next: 16 units in the last place.
    if (!(fabs(h[t] - expected) <= 16 * 2.2e-16)) {
      printf("step %d: expected %.17g, found %.17g\n", t, expected, h[t]);
      return 1;
    }
  }
  free(workspace);
  flashrnn_plan_destroy(plan);
  check(flashrnn_finalize());
  puts("flashrnn::c works");
  return 0;
}
