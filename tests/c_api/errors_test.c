// SPDX-License-Identifier: Apache-2.0
// Every wrong argument gives a status and a sentence that names it, and nothing is written over.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { T = 3, B = 2, HEADS = 2, D = 4 };
enum { X_BYTES = 4 * T * B * 4 * HEADS * D, STATES_BYTES = 4 * 2 * T * B * HEADS * D };

/// A right call of everything, to be made wrong in one place at a time.
typedef struct calls {
  flashrnn_plan* plan;
  flashrnn_sizes sizes;
  flashrnn_forward_arguments forward;
  flashrnn_backward_arguments backward;
  unsigned char* memory;
  size_t bytes;
} calls;

static const flashrnn_problem good_problem = {.struct_size = sizeof(good_problem),
                                              .cell = "lstm",
                                              .dtype = FLASHRNN_FLOAT32,
                                              .steps = T,
                                              .batch = B,
                                              .heads = HEADS,
                                              .head_dim = D,
                                              .training = 1};
static const flashrnn_plan_options good_options = {.struct_size = sizeof(good_options),
                                                   .device = FLASHRNN_HOST_SERIAL};

/// The next `bytes` of the memory, aligned to 64 bytes.
static void* take(calls* c, size_t bytes) {
  unsigned char* const out = c->memory + c->bytes;
  c->bytes += (bytes + 63) / 64 * 64;
  return out;
}
static flashrnn_const_tensor input(calls* c, size_t bytes) {
  const flashrnn_const_tensor out = {take(c, bytes), bytes, NULL};
  return out;
}
static flashrnn_tensor output(calls* c, size_t bytes) {
  const flashrnn_tensor out = {take(c, bytes), bytes, NULL};
  return out;
}

static calls create(void) {
  calls c = {.sizes = {.struct_size = sizeof(c.sizes)}};
  c.memory = aligned_alloc(64, 1 << 16);
  if (c.memory == NULL) abort();
  memset(c.memory, 0, 1 << 16);
  CHECK_SUCCESS(flashrnn_plan_create(&good_problem, &good_options, &c.plan));
  CHECK_SUCCESS(flashrnn_plan_sizes(c.plan, &c.sizes));
  CHECK(c.sizes.x == X_BYTES && c.sizes.state_sequence == STATES_BYTES);
  flashrnn_forward_arguments* const f = &c.forward;
  f->struct_size = sizeof(*f);
  f->x = input(&c, c.sizes.x);
  f->R = input(&c, c.sizes.R);
  f->b = input(&c, c.sizes.b);
  f->s0 = input(&c, c.sizes.s0);
  f->states = output(&c, c.sizes.state_sequence);
  f->h = output(&c, c.sizes.h);
  f->last = output(&c, c.sizes.s0);
  f->reserve = (flashrnn_buffer){take(&c, c.sizes.reserve), c.sizes.reserve};
  f->workspace = (flashrnn_buffer){take(&c, c.sizes.forward_workspace), c.sizes.forward_workspace};
  flashrnn_backward_arguments* const b = &c.backward;
  b->struct_size = sizeof(*b);
  b->R = f->R;
  b->s0 = f->s0;
  b->states = (flashrnn_const_tensor){f->states.data, f->states.bytes, NULL};
  b->reserve = f->reserve.data;
  b->reserve_bytes = f->reserve.bytes;
  b->dh = input(&c, c.sizes.h);
  b->d_last = input(&c, c.sizes.s0);
  b->dx = output(&c, c.sizes.x);
  b->dR = output(&c, c.sizes.R);
  b->db = output(&c, c.sizes.b);
  b->ds0 = output(&c, c.sizes.s0);
  b->workspace =
      (flashrnn_buffer){take(&c, c.sizes.backward_workspace), c.sizes.backward_workspace};
  CHECK(c.bytes <= 1 << 16);
  CHECK_SUCCESS(flashrnn_forward(c.plan, NULL, f));
  CHECK_SUCCESS(flashrnn_backward(c.plan, NULL, b));
  return c;
}

static void expect_unwritten(const calls* c) {
  int written = 0;
  for (size_t n = 0; n < c->bytes; ++n) written += c->memory[n] != 0xa5;
  CHECK(written == 0);
}

static void forward_fails(calls* c, const flashrnn_forward_arguments* wrong, const char* part) {
  memset(c->memory, 0xa5, c->bytes);
  CHECK_FAILS(flashrnn_forward(c->plan, NULL, wrong), FLASHRNN_INVALID_ARGUMENT, part);
  expect_unwritten(c);
}

static void backward_fails(calls* c, const flashrnn_backward_arguments* wrong, const char* part) {
  memset(c->memory, 0xa5, c->bytes);
  CHECK_FAILS(flashrnn_backward(c->plan, NULL, wrong), FLASHRNN_INVALID_ARGUMENT, part);
  expect_unwritten(c);
}

/// Makes one member of a copy of the right arguments wrong.
#define FORWARD_FAILS(assignment, part)            \
  do {                                             \
    flashrnn_forward_arguments wrong = c->forward; \
    wrong.assignment;                              \
    forward_fails(c, &wrong, part);                \
  } while (0)
#define BACKWARD_FAILS(assignment, part)             \
  do {                                               \
    flashrnn_backward_arguments wrong = c->backward; \
    wrong.assignment;                                \
    backward_fails(c, &wrong, part);                 \
  } while (0)

static void check_forward(calls* c) {
  CHECK_FAILS(flashrnn_forward(NULL, NULL, &c->forward), FLASHRNN_INVALID_ARGUMENT, "plan");
  forward_fails(c, NULL, "forward_arguments: expected a pointer, found null");
  FORWARD_FAILS(struct_size = 0, "forward_arguments.struct_size");
  FORWARD_FAILS(struct_size = offsetof(flashrnn_forward_arguments, R_is_prepared) - 8,
                "forward_arguments.struct_size");
  FORWARD_FAILS(struct_size = SIZE_MAX, "forward_arguments.struct_size");
  FORWARD_FAILS(x.data = NULL, "x: expected a pointer");
  FORWARD_FAILS(x = (flashrnn_const_tensor){0}, "x: expected a pointer, found null");
  FORWARD_FAILS(x.bytes -= 1,
                "x: expected 768 bytes for [T = 3, B = 2, G_x = 4, H = 2, D = 4] of float32, found "
                "767 bytes");
  FORWARD_FAILS(x.bytes *= 2, "found 1536 bytes");
  FORWARD_FAILS(x.data = (const char*)wrong.x.data + 2, "x: expected an address aligned to the 4");
  FORWARD_FAILS(R = (flashrnn_const_tensor){0}, "R: expected a pointer");
  FORWARD_FAILS(R.bytes = 1, "R: expected 512 bytes for [G_R = 4, H = 2, D_out = 4, D_in = 4]");
  FORWARD_FAILS(b.bytes = 0, "b: expected 128 bytes for [G_b = 4, H = 2, D = 4]");
  FORWARD_FAILS(b.data = NULL, "b: expected a pointer to 128 bytes, found null");
  FORWARD_FAILS(s0.bytes += 4, "s0: expected 128 bytes for [S = 2, B = 2, H = 2, D = 4]");
  FORWARD_FAILS(states = (flashrnn_tensor){0}, "states: expected a pointer");
  FORWARD_FAILS(states.bytes = 1, "states: expected 384 bytes for [S = 2, T = 3, B = 2, H = 2");
  FORWARD_FAILS(h.bytes = 384, "h: expected 192 bytes for [T = 3, B = 2, H = 2, D = 4]");
  FORWARD_FAILS(last.bytes = 64, "last: expected 128 bytes");
  FORWARD_FAILS(reserve.bytes -= 1, "reserve: expected at least");
  FORWARD_FAILS(reserve.data = NULL, "reserve: expected a pointer");
  FORWARD_FAILS(workspace.bytes -= 1, "workspace: expected at least");
  FORWARD_FAILS(workspace.data = NULL, "workspace: expected a pointer");
  FORWARD_FAILS(workspace.data = (char*)wrong.workspace.data + 4,
                "workspace: expected an address aligned to 64 bytes");
  int not_a_stream = 0;
  memset(c->memory, 0xa5, c->bytes);
  CHECK_FAILS(flashrnn_forward(c->plan, &not_a_stream, &c->forward), FLASHRNN_INVALID_ARGUMENT,
              "stream: expected null");
  expect_unwritten(c);
}

static void check_backward(calls* c) {
  CHECK_FAILS(flashrnn_backward(NULL, NULL, &c->backward), FLASHRNN_INVALID_ARGUMENT, "plan");
  backward_fails(c, NULL, "backward_arguments: expected a pointer, found null");
  BACKWARD_FAILS(struct_size = 0, "backward_arguments.struct_size");
  BACKWARD_FAILS(R = (flashrnn_const_tensor){0}, "R: expected a pointer");
  BACKWARD_FAILS(states = (flashrnn_const_tensor){0}, "states: expected a pointer");
  BACKWARD_FAILS(states.bytes /= 2, "states: expected 384 bytes");
  BACKWARD_FAILS(s0.bytes -= 1, "s0: expected 128 bytes");
  BACKWARD_FAILS(reserve = NULL, "reserve: expected a pointer");
  BACKWARD_FAILS(reserve_bytes = 0, "reserve: expected at least");
  BACKWARD_FAILS(dh.bytes -= 1, "dh: expected 192 bytes");
  BACKWARD_FAILS(d_last.bytes -= 1, "d_last: expected 128 bytes");
  BACKWARD_FAILS(dx.bytes -= 1, "dx: expected 768 bytes");
  BACKWARD_FAILS(dR.bytes -= 1, "dR: expected 512 bytes");
  BACKWARD_FAILS(db.bytes -= 1, "db: expected 128 bytes");
  BACKWARD_FAILS(ds0.bytes -= 1, "ds0: expected 128 bytes");
  BACKWARD_FAILS(ds0.data = NULL, "ds0: expected a pointer");
  BACKWARD_FAILS(workspace.bytes = 0, "workspace: expected at least");
}

static void check_strides(calls* c) {
  static const int64_t far_apart[5] = {INT64_MAX, 32, 8, 4, 1};
  static const int64_t lowest[5] = {INT64_MIN, 32, 8, 4, 1};
  static const int64_t sum_too_large[5] = {INT64_MAX / 3, INT64_MAX / 2, 8, 4, 1};
  static const int64_t too_far[5] = {64, 33, 8, 4, 1};
  static const int64_t unit_two[5] = {128, 64, 16, 8, 2};
  static const int64_t overlapping[5] = {64, 2, 8, 4, 1};
  static const int64_t zero_step[5] = {0, 32, 8, 4, 1};
  static const int64_t matrix_rows_overlap[4] = {32, 16, 2, 1};
  FORWARD_FAILS(x.strides = far_apart, "x: the stride of axis T");
  FORWARD_FAILS(x.strides = lowest, "x: the stride of axis T");
  FORWARD_FAILS(x.strides = sum_too_large, "x: its strides reach beyond");
  FORWARD_FAILS(x.strides = too_far, "x: expected at least 193 elements of 4 bytes");
  FORWARD_FAILS(x.strides = unit_two, "x: the stride of axis D is 2; expected 1");
  FORWARD_FAILS(R.strides = matrix_rows_overlap, "R: the stride of axis row");
  BACKWARD_FAILS(dx.strides = overlapping, "dx: the stride of axis B is 2 elements");
  BACKWARD_FAILS(dx.strides = zero_step, "dx: the stride of axis T is 0 elements");
  BACKWARD_FAILS(dR.strides = matrix_rows_overlap, "dR: the stride of axis D_out is 2 elements");
  // x is read alone, so its steps may lie on each other: a constant input.
  flashrnn_forward_arguments constant = c->forward;
  constant.x.strides = zero_step;
  CHECK_SUCCESS(flashrnn_forward(c->plan, NULL, &constant));
}

#undef FORWARD_FAILS
#undef BACKWARD_FAILS

static void problem_fails(const flashrnn_problem* wrong, const char* part) {
  flashrnn_plan* plan = (flashrnn_plan*)&plan;
  CHECK_FAILS(flashrnn_plan_create(wrong, &good_options, &plan), FLASHRNN_INVALID_ARGUMENT, part);
  CHECK(plan == NULL);
}

#define PROBLEM_FAILS(assignment, part)    \
  do {                                     \
    flashrnn_problem wrong = good_problem; \
    wrong.assignment;                      \
    problem_fails(&wrong, part);           \
  } while (0)

static void check_problems(void) {
  problem_fails(NULL, "problem: expected a pointer, found null");
  PROBLEM_FAILS(struct_size = 0, "problem.struct_size: expected sizeof(flashrnn_problem)");
  PROBLEM_FAILS(struct_size = 1, "problem.struct_size");
  PROBLEM_FAILS(cell = NULL, "cell: expected a pointer");
  PROBLEM_FAILS(cell = "lstn", "lstm, gru, slstm, found 'lstn'");
  PROBLEM_FAILS(cell = "", "found ''");
  PROBLEM_FAILS(dtype = 0, "dtype: expected FLASHRNN_FLOAT64");
  PROBLEM_FAILS(dtype = 5, "found 5");
  PROBLEM_FAILS(order = 2, "order: expected FLASHRNN_TIME_MAJOR");
  PROBLEM_FAILS(float32_matmul_precision = 2, "float32_matmul_precision: expected");
  PROBLEM_FAILS(steps = 0, "steps: expected at least 1, found 0");
  PROBLEM_FAILS(batch = -1, "batch: expected at least 1, found -1");
  PROBLEM_FAILS(heads = INT64_MIN, "heads: expected at least 1");
  PROBLEM_FAILS(head_dim = 0, "head_dim: expected at least 1, found 0");
  PROBLEM_FAILS(steps = INT64_MAX, "more than 2^63 - 1 bytes");
  PROBLEM_FAILS(head_dim = INT64_C(1) << 31, "more than 2^63 - 1 bytes");
  PROBLEM_FAILS(batch = INT64_C(1) << 31, "heads × batch");
  PROBLEM_FAILS(forward_clip = -1, "forward_clip: expected a positive, finite number");
  PROBLEM_FAILS(forward_clip = NAN, "forward_clip");
  PROBLEM_FAILS(recurrent_gradient_clip = INFINITY, "recurrent_gradient_clip");
  CHECK_FAILS(flashrnn_plan_create(&good_problem, &good_options, NULL), FLASHRNN_INVALID_ARGUMENT,
              "plan: expected a pointer");
}

#undef PROBLEM_FAILS

/// A caller compiled when flashrnn_problem ended before float32_matmul_precision.
static void check_shorter_problem(void) {
  flashrnn_problem older = good_problem;
  older.struct_size = offsetof(flashrnn_problem, float32_matmul_precision);
  older.float32_matmul_precision = 99;  // what happens to lie behind it
  flashrnn_plan* plan = NULL;
  CHECK_SUCCESS(flashrnn_plan_create(&older, &good_options, &plan));
  flashrnn_plan_destroy(plan);
  flashrnn_problem high = good_problem;
  high.float32_matmul_precision = FLASHRNN_MATMUL_HIGH;
  CHECK_SUCCESS(flashrnn_plan_create(&high, &good_options, &plan));
  flashrnn_plan_destroy(plan);
}

/// R_is_prepared, and a caller compiled when flashrnn_forward_arguments ended before it.
static void check_prepared_matrix(calls* c) {
  flashrnn_forward_arguments f = c->forward;
  memset(c->memory, 0, c->bytes);
  memset((void*)f.s0.data, 0x3e, f.s0.bytes);  // floats of 0.19
  unsigned char before[sizeof(float) * 4096];
  CHECK(f.h.bytes <= sizeof(before));
  memset((void*)f.R.data, 0x3e, f.R.bytes);
  CHECK_SUCCESS(flashrnn_forward(c->plan, NULL, &f));
  memcpy(before, f.h.data, f.h.bytes);
  memset((void*)f.R.data, 0xbe, f.R.bytes);
  f.R_is_prepared = 1;
  CHECK_SUCCESS(flashrnn_forward(c->plan, NULL, &f));
  CHECK(memcmp(before, f.h.data, f.h.bytes) == 0);
  f.struct_size = offsetof(flashrnn_forward_arguments, R_is_prepared);
  f.R_is_prepared = 99;  // what happens to lie behind an older structure
  CHECK_SUCCESS(flashrnn_forward(c->plan, NULL, &f));
  CHECK(memcmp(before, f.h.data, f.h.bytes) != 0);
}

static void check_options(void) {
  flashrnn_plan* plan = NULL;
  CHECK_FAILS(flashrnn_plan_create(&good_problem, NULL, &plan), FLASHRNN_INVALID_ARGUMENT,
              "plan_options");
  flashrnn_plan_options options = good_options;
  options.device = 0;
  CHECK_FAILS(flashrnn_plan_create(&good_problem, &options, &plan), FLASHRNN_INVALID_ARGUMENT,
              "device: expected one of FLASHRNN_HOST_SERIAL (1)");
  int missing = 0;
  for (options.device = FLASHRNN_HOST_SERIAL; options.device <= FLASHRNN_HIP; ++options.device) {
    if (flashrnn_device_built(options.device)) continue;
    ++missing;
    CHECK_FAILS(flashrnn_plan_create(&good_problem, &options, &plan), FLASHRNN_DEVICE_UNAVAILABLE,
                "device: this build of the library has FLASHRNN_HOST_SERIAL");
  }
  CHECK(missing > 0);  // no build has both CUDA and HIP
  CHECK(!flashrnn_device_built(0) && !flashrnn_device_built(5) && !flashrnn_device_built(-1));
  options = good_options;
  options.backend = "fastest";
  CHECK_FAILS(flashrnn_plan_create(&good_problem, &options, &plan), FLASHRNN_INVALID_ARGUMENT,
              "found 'fastest'");
  options.backend = NULL;
  options.tuning = 2;
  CHECK_FAILS(flashrnn_plan_create(&good_problem, &options, &plan), FLASHRNN_INVALID_ARGUMENT,
              "tuning: expected FLASHRNN_TUNE_MODEL (0)");
}

static void check_queries(flashrnn_plan* plan) {
  const char* text = NULL;
  flashrnn_sizes sizes = {.struct_size = 8};
  CHECK_FAILS(flashrnn_plan_describe(NULL, &text), FLASHRNN_INVALID_ARGUMENT, "plan");
  CHECK_FAILS(flashrnn_plan_describe(plan, NULL), FLASHRNN_INVALID_ARGUMENT, "text");
  CHECK_FAILS(flashrnn_plan_sizes(NULL, &sizes), FLASHRNN_INVALID_ARGUMENT, "plan");
  CHECK_FAILS(flashrnn_plan_sizes(plan, NULL), FLASHRNN_INVALID_ARGUMENT, "sizes");
  CHECK_FAILS(flashrnn_plan_sizes(plan, &sizes), FLASHRNN_INVALID_ARGUMENT, "sizes.struct_size");
  CHECK_FAILS(flashrnn_plan_synchronize(NULL), FLASHRNN_INVALID_ARGUMENT, "plan");
}

/// A problem far larger than memory has a plan and sizes; running it fails by the sizes given.
static void check_huge_problem(void) {
  flashrnn_problem problem = good_problem;
  problem.steps = INT64_C(1) << 50;
  flashrnn_plan* plan = NULL;
  flashrnn_sizes sizes = {.struct_size = sizeof(sizes)};
  if (!CHECK_SUCCESS(flashrnn_plan_create(&problem, &good_options, &plan))) return;
  CHECK_SUCCESS(flashrnn_plan_sizes(plan, &sizes));
  CHECK(sizes.x == ((size_t)1 << 50) * 4 * B * 4 * HEADS * D);
  float small[4] = {0};
  const flashrnn_forward_arguments arguments = {.struct_size = sizeof(arguments),
                                                .x = {.data = small, .bytes = sizeof(small)}};
  CHECK_FAILS(flashrnn_forward(plan, NULL, &arguments), FLASHRNN_INVALID_ARGUMENT,
              "x: expected 288230376151711744 bytes");
  flashrnn_plan_destroy(plan);
}

static void check_inference(const calls* c) {
  flashrnn_problem problem = good_problem;
  problem.training = 0;
  flashrnn_plan* plan = NULL;
  if (!CHECK_SUCCESS(flashrnn_plan_create(&problem, &good_options, &plan))) return;
  CHECK_FAILS(flashrnn_backward(plan, NULL, &c->backward), FLASHRNN_INVALID_ARGUMENT,
              "the plan was made for inference");
  flashrnn_plan_destroy(plan);
}

int main(void) {
  if (!CHECK_SUCCESS(flashrnn_initialize(NULL))) return 1;
  calls c = create();
  check_forward(&c);
  check_backward(&c);
  check_strides(&c);
  check_problems();
  check_shorter_problem();
  check_prepared_matrix(&c);
  check_options();
  check_queries(c.plan);
  check_huge_problem();
  check_inference(&c);
  flashrnn_plan_destroy(c.plan);
  free(c.memory);
  CHECK_SUCCESS(flashrnn_finalize());
  return checks_outcome();
}
