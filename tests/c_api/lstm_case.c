// SPDX-License-Identifier: Apache-2.0
#include "lstm_case.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { X, R, B, S0, STATES, H, LAST, DH, D_LAST, DX, D_R, DB, DS0, TENSORS };

static const char* const names[TENSORS] = {"x",  "R",      "b",  "s0", "states", "h",  "last",
                                           "dh", "d_last", "dx", "dR", "db",     "ds0"};

typedef struct lstm_memory {
  strided tensor[TENSORS];
  double* expected[TENSORS];  // for inputs: the values given
} lstm_memory;

/// Uniform in (-scale, scale); a linear congruential generator (D. Knuth's constants for MMIX).
static void fill(double* values, int64_t count, double scale, unsigned long long* state) {
  for (int64_t n = 0; n < count; ++n) {
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    values[n] = scale * ((double)(*state >> 11) / 4503599627370496.0 - 1.0);
  }
}

static void create(const lstm_case* run, lstm_memory* memory) {
  const int64_t T = run->size.steps, rows = run->size.batch, heads = run->size.heads,
                D = run->size.head_dim;
  const int64_t gates[5] = {T, rows, 4, heads, D}, matrix[4] = {4, heads, D, D},
                bias[3] = {4, heads, D}, state[4] = {2, rows, heads, D},
                sequence[5] = {2, T, rows, heads, D}, output[4] = {T, rows, heads, D};
  const int in_order[5] = {0, 1, 2, 3, 4};
  const int batch_first[5] = {1, 0, 2, 3, 4}, sequence_batch_first[5] = {0, 2, 1, 3, 4};
  const int swap = run->order == FLASHRNN_BATCH_FIRST && run->kind == layout_contiguous;
  for (int n = 0; n < TENSORS; ++n) {
    const int64_t* length = state;
    const int* order = in_order;
    int rank = 4, step_axis = -1;
    if (n == X || n == DX) {
      length = gates, rank = 5, step_axis = 0, order = swap ? batch_first : in_order;
    } else if (n == R || n == D_R) {
      length = matrix;
    } else if (n == B || n == DB) {
      length = bias, rank = 3;
    } else if (n == STATES) {
      length = sequence, rank = 5, step_axis = 1, order = swap ? sequence_batch_first : in_order;
    } else if (n == H || n == DH) {
      length = output, step_axis = 0, order = swap ? batch_first : in_order;
    }
    memory->tensor[n] =
        strided_create(run->device, run->dtype, run->kind, rank, length, order, step_axis);
    memory->expected[n] = calloc((size_t)strided_count(&memory->tensor[n]), sizeof(double));
    if (memory->expected[n] == NULL) abort();
  }
  // |R| has rows of norm below 1, so that rounding errors do not grow from step to step.
  const int inputs[] = {X, R, B, S0, DH, D_LAST};
  unsigned long long state_of_random = run->seed;
  for (size_t n = 0; n < sizeof(inputs) / sizeof(inputs[0]); ++n) {
    const int id = inputs[n];
    fill(memory->expected[id], strided_count(&memory->tensor[id]),
         id == R ? 1.0 / sqrt((double)D) : 1.0, &state_of_random);
    strided_set(&memory->tensor[id], memory->expected[id]);
  }
}

static void compute_expected(const lstm_case* run, lstm_memory* memory) {
  double** const e = memory->expected;
  const lstm_tensors tensors = {e[X],  e[R],      e[B],  e[S0],  e[STATES], e[LAST],
                                e[DH], e[D_LAST], e[DX], e[D_R], e[DB],     e[DS0]};
  lstm_forward(run->size, &tensors);
  lstm_backward(run->size, &tensors);
  // h is the first half of the states.
  memcpy(e[H], e[STATES], sizeof(double) * (size_t)strided_count(&memory->tensor[H]));
}

/// Rounding errors: a gate sums D + 2 terms, and the rest of the pointwise function is a dozen
/// operations, each wrong by at most epsilon/2 of values below about 1 (states of |c| < T: times
/// the largest value of the tensor). T steps add up, backward again, and dR and db sum T·B terms.
static double tolerance(const lstm_case* run, double largest) {
  const double epsilon = run->dtype == FLASHRNN_FLOAT64 ? DBL_EPSILON : (double)FLT_EPSILON;
  const lstm_size n = run->size;
  return epsilon * 2.0 * n.steps * (n.head_dim + 14.0 + n.batch) * fmax(1.0, largest);
}

static void compare(const lstm_case* run, const lstm_memory* memory, int id) {
  const strided* const tensor = &memory->tensor[id];
  const int64_t count = strided_count(tensor);
  double* const found = malloc(sizeof(double) * (size_t)count);
  if (found == NULL) abort();
  const int damaged = strided_get(tensor, found);
  double largest = 0, worst = 0;
  for (int64_t n = 0; n < count; ++n) {
    const double error = fabs(found[n] - memory->expected[id][n]);
    largest = fmax(largest, fabs(memory->expected[id][n]));
    worst = error > worst || isnan(error) ? error : worst;
  }
  char text[256];
  snprintf(text, sizeof(text),
           "%s: device %d, %s, dtype %d, order %d, layout %d, T %d, B %d, H %d, D %d: error %g, "
           "allowed %g; %d bytes of gaps written over",
           names[id], (int)run->device, run->backend, (int)run->dtype, (int)run->order,
           (int)run->kind, run->size.steps, run->size.batch, run->size.heads, run->size.head_dim,
           worst, tolerance(run, largest), damaged);
  check_holds(worst <= tolerance(run, largest) && damaged == 0, __FILE__, __LINE__, "compare",
              text);
  free(found);
}

static void run_plan(const lstm_case* run, flashrnn_plan* plan, lstm_memory* memory) {
  flashrnn_sizes sizes = {.struct_size = sizeof(sizes)};
  if (!CHECK_SUCCESS(flashrnn_plan_sizes(plan, &sizes))) return;
  CHECK(sizes.states == 2 && sizes.input_gates == 4 && sizes.recurrent_gates == 4 &&
        sizes.bias_gates == 4);
  const flashrnn_buffer reserve = {device_allocate(run->device, sizes.reserve), sizes.reserve};
  const size_t most = sizes.forward_workspace > sizes.backward_workspace ? sizes.forward_workspace
                                                                         : sizes.backward_workspace;
  const flashrnn_buffer workspace = {device_allocate(run->device, most), most};
  void* const stream = run->own_stream ? device_stream_create(run->device) : NULL;

  const strided* const t = memory->tensor;
  const layout kind = run->kind;
  const flashrnn_forward_arguments forward = {.struct_size = sizeof(forward),
                                              .x = strided_input(&t[X], kind),
                                              .R = strided_input(&t[R], kind),
                                              .b = strided_input(&t[B], kind),
                                              .s0 = strided_input(&t[S0], kind),
                                              .states = strided_output(&t[STATES], kind),
                                              .h = strided_output(&t[H], kind),
                                              .last = strided_output(&t[LAST], kind),
                                              .reserve = reserve,
                                              .workspace = workspace};
  const flashrnn_backward_arguments backward = {.struct_size = sizeof(backward),
                                                .R = strided_input(&t[R], kind),
                                                .s0 = strided_input(&t[S0], kind),
                                                .states = strided_input(&t[STATES], kind),
                                                .reserve = reserve.data,
                                                .reserve_bytes = reserve.bytes,
                                                .dh = strided_input(&t[DH], kind),
                                                .d_last = strided_input(&t[D_LAST], kind),
                                                .dx = strided_output(&t[DX], kind),
                                                .dR = strided_output(&t[D_R], kind),
                                                .db = strided_output(&t[DB], kind),
                                                .ds0 = strided_output(&t[DS0], kind),
                                                .workspace = workspace};
  for (int n = 0; n < run->repeats; ++n) {
    CHECK_SUCCESS(flashrnn_forward(plan, stream, &forward));
    CHECK_SUCCESS(flashrnn_backward(plan, stream, &backward));
  }
  CHECK_SUCCESS(flashrnn_plan_synchronize(plan));
  static const int outputs[] = {STATES, H, LAST, DX, D_R, DB, DS0};
  for (size_t n = 0; n < sizeof(outputs) / sizeof(outputs[0]); ++n)
    compare(run, memory, outputs[n]);

  flashrnn_plan_destroy(plan);
  device_stream_destroy(run->device, stream);
  device_free(run->device, workspace.data);
  device_free(run->device, reserve.data);
}

void lstm_case_run(const lstm_case* run) {
  lstm_memory memory;
  create(run, &memory);
  compute_expected(run, &memory);
  const flashrnn_problem problem = {.struct_size = sizeof(problem),
                                    .cell = "lstm",
                                    .dtype = run->dtype,
                                    .order = run->order,
                                    .steps = run->size.steps,
                                    .batch = run->size.batch,
                                    .heads = run->size.heads,
                                    .head_dim = run->size.head_dim,
                                    .training = 1};
  const flashrnn_plan_options options = {
      .struct_size = sizeof(options), .device = run->device, .backend = run->backend};
  flashrnn_plan* plan = NULL;
  if (CHECK_SUCCESS(flashrnn_plan_create(&problem, &options, &plan))) run_plan(run, plan, &memory);
  for (int n = 0; n < TENSORS; ++n) {
    strided_destroy(&memory.tensor[n]);
    free(memory.expected[n]);
  }
}
