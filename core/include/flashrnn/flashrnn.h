// SPDX-License-Identifier: Apache-2.0
#ifndef FLASHRNN_FLASHRNN_H
#define FLASHRNN_FLASHRNN_H

// The C API of flashrnn: recurrences of LSTM, GRU, Elman and sLSTM cells, forward and backward, on
// CPU, NVIDIA and AMD. Pure C11; every type here has a counterpart in Fortran's iso_c_binding.
//
//     flashrnn_initialize(NULL);
//     flashrnn_plan_create(&problem, &options, &plan);
//     flashrnn_plan_sizes(plan, &sizes);               what to allocate
//     flashrnn_forward(plan, stream, &forward);        as often as wanted
//     flashrnn_plan_destroy(plan);
//     flashrnn_finalize();
//
// Axes: T steps, B batch, H heads, D head_dim (units of a head), S states of the cell (h is the
// first), G_x, G_R, G_b the gates that have an input x, a recurrent matrix R, a bias b. At every
// step and for every head
//
//     gate[n] = R[n]·h_{t-1} + x[n]_t + b[n]        states_t = cell(gate, states_{t-1})
//
// so x is the input after its projection. Gate orders: elman, elman_relu g; lstm, slstm i, f, z, o
// (z is what PyTorch calls g); gru: R has g, r, z, x has r, z, n, b has g, r, z, n (g is the
// recurrent part of PyTorch's n).
//
// Every function that returns a flashrnn_status returns FLASHRNN_SUCCESS or the kind of failure;
// flashrnn_last_error then has a sentence about it. A call that fails has written to none of the
// caller's tensors, unless the failure is FLASHRNN_ENVIRONMENT_ERROR or FLASHRNN_INTERNAL_ERROR of
// flashrnn_forward or flashrnn_backward. No function throws or exits.
//
// Threads: all functions may be called from any thread. Different plans run at the same time; calls
// with one plan wait for each other. A plan must not be destroyed while a call uses it.

// NOLINTBEGIN(modernize-use-using,modernize-deprecated-headers): this header is C
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define FLASHRNN_API __attribute__((visibility("default")))
#else
#define FLASHRNN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// Version of this header; flashrnn_version tells that of the library.
#define FLASHRNN_VERSION_MAJOR 0
#define FLASHRNN_VERSION_MINOR 1
#define FLASHRNN_VERSION_PATCH 0

/// Outcome of a call.
typedef int32_t flashrnn_status;
enum {
  FLASHRNN_SUCCESS = 0,
  FLASHRNN_INVALID_ARGUMENT = 1,  ///< the caller's fault: a wrong shape, size, name or null pointer
  FLASHRNN_INVALID_STATE = 2,     ///< not initialised, finalised for good, or plans still exist
  FLASHRNN_DEVICE_UNAVAILABLE = 3,  ///< this build of the library lacks the device
  FLASHRNN_OUT_OF_MEMORY = 4,       ///< the library could not allocate what it needs for itself
  FLASHRNN_ENVIRONMENT_ERROR = 5,   ///< no such hardware, a driver or file failed
  FLASHRNN_INTERNAL_ERROR = 6       ///< the library's fault; please report it
};

/// Element type of every tensor of a problem. Sums are formed in float32 (float64: float64).
typedef int32_t flashrnn_dtype;
enum {
  FLASHRNN_FLOAT64 = 1,
  FLASHRNN_FLOAT32 = 2,
  FLASHRNN_BFLOAT16 = 3,  ///< the upper half of a float32
  FLASHRNN_FLOAT16 = 4    ///< IEEE binary16
};

/// Order of memory of contiguous x, dx, states, h and dh.
typedef int32_t flashrnn_order;
enum {
  FLASHRNN_TIME_MAJOR = 0,  ///< x [T, B, G_x, H, D], states [S, T, B, H, D]
  FLASHRNN_BATCH_FIRST = 1  ///< x [B, T, G_x, H, D], states [S, B, T, H, D]
};

/// How accurately matrix products of FLASHRNN_FLOAT32 are formed; other types are not affected.
typedef int32_t flashrnn_matmul_precision;
enum {
  FLASHRNN_MATMUL_HIGHEST = 0,  ///< like multiply-adds in float32
  FLASHRNN_MATMUL_HIGH = 1      ///< factors may be rounded to TF32 (11 bits) or to the sum of two
                                ///< bfloat16 (16 bits), where that makes tensor cores faster
};

/// Where a plan runs and where its tensors lie.
typedef int32_t flashrnn_device;
enum {
  FLASHRNN_HOST_SERIAL = 1,  ///< the calling thread
  FLASHRNN_HOST_OPENMP = 2,  ///< OpenMP threads
  FLASHRNN_CUDA = 3,         ///< the NVIDIA GPU chosen in flashrnn_initialize
  FLASHRNN_HIP = 4           ///< the AMD GPU chosen in flashrnn_initialize
};

// Structures whose first member is struct_size grow at their end in later versions. Set struct_size
// to sizeof of the structure and every member that is not used to zero; zero is every member's
// default, except where a member says that it is required.

/// How the library is started.
typedef struct flashrnn_initialize_options {
  size_t struct_size;
  int32_t threads;  ///< OpenMP threads; 0: as OpenMP would choose (OMP_NUM_THREADS)
  int32_t device;   ///< number of the GPU among the visible ones, from 0
} flashrnn_initialize_options;

/// One recurrence, independent of where it runs.
typedef struct flashrnn_problem {
  size_t struct_size;
  const char* cell;      ///< "elman", "elman_relu", "lstm", "gru" or "slstm"; required
  flashrnn_dtype dtype;  ///< required
  flashrnn_order order;
  int64_t steps;     ///< T >= 1
  int64_t batch;     ///< B >= 1
  int64_t heads;     ///< H >= 1
  int64_t head_dim;  ///< D >= 1
  int32_t training;  ///< not 0: forward keeps what backward needs
  /// Not 0: no gradient flows through R·h_{t-1} into h_{t-1}.
  int32_t cut_recurrent_gradient;
  /// Clip h_t to [-v, v] after every step; 0: no clip. Where |h_t| = v, no gradient passes.
  double forward_clip;
  /// Clip the gradient that comes through R to [-v, v] at every step; 0: no clip.
  double recurrent_gradient_clip;
  flashrnn_matmul_precision float32_matmul_precision;
} flashrnn_problem;

/// What decides between the tilings of a kernel.
typedef int32_t flashrnn_tuning;
enum {
  FLASHRNN_TUNE_MODEL = 0,    ///< the device's model: the same on every machine, and at once
  FLASHRNN_TUNE_MEASURED = 1  ///< the best few by the model are timed when the plan is made; the
                              ///< winner is remembered in $XDG_CACHE_HOME/flashrnn or
                              ///< ~/.cache/flashrnn, per device, problem and library version
};

/// How a plan is made.
typedef struct flashrnn_plan_options {
  size_t struct_size;
  flashrnn_device device;  ///< required
  flashrnn_tuning tuning;
  /// "kokkos" (also if null): the portable recurrence; "reference": a slow serial one for checks,
  /// on the host only.
  const char* backend;
} flashrnn_plan_options;

/// What a plan expects: lengths of the channel axes and sizes in bytes.
typedef struct flashrnn_sizes {
  size_t struct_size;
  int64_t states;           ///< S
  int64_t input_gates;      ///< G_x
  int64_t recurrent_gates;  ///< G_R
  int64_t bias_gates;       ///< G_b
  size_t x;                 ///< bytes of contiguous x [T, B, G_x, H, D], also of dx
  size_t R;                 ///< R [G_R, H, D_out, D_in], also dR
  size_t b;                 ///< b [G_b, H, D], also db
  size_t s0;                ///< s0 [S, B, H, D], also last, d_last and ds0
  size_t h;                 ///< h [T, B, H, D], also dh
  size_t state_sequence;    ///< states [S, T, B, H, D]
  size_t reserve;           ///< what forward keeps for backward; 0 unless training
  size_t forward_workspace;
  size_t backward_workspace;  ///< 0 unless training
} flashrnn_sizes;

/// A tensor that is read, in memory that the plan's device can access. `data` is the element whose
/// indices are all 0; null where the tensor is not given.
typedef struct flashrnn_const_tensor {
  const void* data;
  /// Bytes of the tensor's memory. Without strides exactly the size in flashrnn_sizes; with strides
  /// at least the distance from its lowest to behind its highest element.
  size_t bytes;
  /// Null: contiguous, in the problem's order. Otherwise one stride per axis, in elements, axes as
  /// listed for the tensor (x: 5 strides for T, B, G_x, H, D, whatever the problem's order). The
  /// last is 1; that of T may be negative (a sequence that runs backwards) with `data` then in the
  /// memory's upper part.
  const int64_t* strides;
} flashrnn_const_tensor;

/// A tensor that is written; otherwise as flashrnn_const_tensor. Its elements must not overlap.
typedef struct flashrnn_tensor {
  void* data;
  size_t bytes;
  const int64_t* strides;
} flashrnn_tensor;

/// Plain memory of the plan's device.
typedef struct flashrnn_buffer {
  void* data;    ///< aligned to 64 bytes; null only if the size needed is 0
  size_t bytes;  ///< at least the size in flashrnn_sizes
} flashrnn_buffer;

/// Arguments of flashrnn_forward. No output may overlap any other argument, except that `last` may
/// be the memory of `s0` (a simulation that carries its state in place).
typedef struct flashrnn_forward_arguments {
  size_t struct_size;
  flashrnn_const_tensor x;    ///< [T, B, G_x, H, D], required
  flashrnn_const_tensor R;    ///< [G_R, H, D_out, D_in], required
  flashrnn_const_tensor b;    ///< [G_b, H, D]; not given: zero
  flashrnn_const_tensor s0;   ///< [S, B, H, D], initial states; not given: zero
  flashrnn_tensor states;     ///< [S, T, B, H, D]; required when training
  flashrnn_tensor h;          ///< [T, B, H, D], h alone; optional
  flashrnn_tensor last;       ///< [S, B, H, D], states after the last step; optional
  flashrnn_buffer reserve;    ///< flashrnn_sizes.reserve bytes
  flashrnn_buffer workspace;  ///< flashrnn_sizes.forward_workspace bytes; free for reuse afterwards
  /// Not 0: the workspace is as the plan's last flashrnn_forward left it, and R, its strides and
  /// its elements are those of that call; what it made of R there is used again. For calls of few
  /// steps, in which preparing R would take most of the time.
  int32_t R_is_prepared;
} flashrnn_forward_arguments;

/// Arguments of flashrnn_backward. Outputs are overwritten, not added to; no output may overlap any
/// other argument.
typedef struct flashrnn_backward_arguments {
  size_t struct_size;
  flashrnn_const_tensor R;       ///< as in forward, required
  flashrnn_const_tensor s0;      ///< as in forward
  flashrnn_const_tensor states;  ///< as forward wrote it, required
  const void* reserve;           ///< as forward wrote it
  size_t reserve_bytes;
  flashrnn_const_tensor dh;      ///< [T, B, H, D], upstream gradient of every h_t; not given: zero
  flashrnn_const_tensor d_last;  ///< [S, B, H, D], of the last states; not given: zero
  flashrnn_tensor dx;            ///< [T, B, G_x, H, D]; optional, as all that follow
  flashrnn_tensor dR;            ///< [G_R, H, D_out, D_in]
  flashrnn_tensor db;            ///< [G_b, H, D]
  flashrnn_tensor ds0;           ///< [S, B, H, D]
  flashrnn_buffer workspace;     ///< flashrnn_sizes.backward_workspace bytes; free for reuse after
} flashrnn_backward_arguments;

/// A recurrence made ready for one problem on one device.
typedef struct flashrnn_plan flashrnn_plan;

/// Version of the library. Each pointer may be null.
FLASHRNN_API void flashrnn_version(int32_t* major, int32_t* minor, int32_t* patch);

/// A status in words, such as "invalid argument"; "unknown status" for any other number. Never
/// null; the text lives as long as the library.
FLASHRNN_API const char* flashrnn_status_string(flashrnn_status status);

/// One sentence about the last call of the calling thread that failed: what was wrong, what was
/// expected and what was found. Empty if none failed. UTF-8; valid until the next call of this
/// thread that fails. Never null.
FLASHRNN_API const char* flashrnn_last_error(void);

/// 1 if this build of the library can make plans for `device`, else 0. Says nothing of hardware.
FLASHRNN_API int32_t flashrnn_device_built(flashrnn_device device);

/// Starts Kokkos, unless it runs already, and the devices of this build. Calls are counted: each
/// needs its flashrnn_finalize, and the options of the first one count. `options` may be null.
///
/// The shared library normally holds a Kokkos of its own, which knows nothing of one in the calling
/// program; where both share one, it is used as found and left running. Kokkos starts once per
/// process: after the last flashrnn_finalize has stopped it, the answer is FLASHRNN_INVALID_STATE.
/// With an NVIDIA GPU this takes some 0.2 s, ten milliseconds of which do what the first plans of
/// the process would have to (the search of tilings, and cuBLAS, which keeps 2 MB of the device).
///
/// Errors: FLASHRNN_INVALID_ARGUMENT for options out of range, FLASHRNN_INVALID_STATE,
/// FLASHRNN_ENVIRONMENT_ERROR if there is no such GPU.
FLASHRNN_API flashrnn_status flashrnn_initialize(const flashrnn_initialize_options* options);

/// Takes back one flashrnn_initialize; the last one stops Kokkos if the first one started it.
/// Errors: FLASHRNN_INVALID_STATE without a matching flashrnn_initialize, or if it is the last one
/// and plans still exist; nothing happens then.
FLASHRNN_API flashrnn_status flashrnn_finalize(void);

/// Makes a plan and writes it to *plan; on failure *plan becomes null. Allocates only small amounts
/// of memory: a plan for large tensors is cheap.
/// Errors: FLASHRNN_INVALID_ARGUMENT for a null pointer, an unknown cell, type or backend, a size
/// below 1, tensors beyond 2^63 - 1 bytes, a clip that is negative or not finite;
/// FLASHRNN_INVALID_STATE before flashrnn_initialize; FLASHRNN_DEVICE_UNAVAILABLE.
FLASHRNN_API flashrnn_status flashrnn_plan_create(const flashrnn_problem* problem,
                                                  const flashrnn_plan_options* options,
                                                  flashrnn_plan** plan);

/// Frees a plan after waiting for the work it enqueued; null is allowed and does nothing. The
/// stream of the plan's last call must still exist.
FLASHRNN_API void flashrnn_plan_destroy(flashrnn_plan* plan);

/// What the plan will do and why, in a few lines for people. *text belongs to the plan and lives as
/// long as it. Errors: FLASHRNN_INVALID_ARGUMENT for a null pointer.
FLASHRNN_API flashrnn_status flashrnn_plan_describe(const flashrnn_plan* plan, const char** text);

/// Fills in *sizes, whose struct_size the caller has set. Errors: FLASHRNN_INVALID_ARGUMENT.
FLASHRNN_API flashrnn_status flashrnn_plan_sizes(const flashrnn_plan* plan, flashrnn_sizes* sizes);

/// Enqueues the forward pass and returns; allocates no memory on the device.
/// `stream` is a cudaStream_t or hipStream_t of the plan's device, which stays the caller's and
/// must exist until the plan is destroyed or called with another one; null is the library's own
/// stream (see flashrnn_plan_synchronize). On the host it must be null, and the work is done on
/// return.
/// Errors: FLASHRNN_INVALID_ARGUMENT naming the tensor, what was expected and what was found.
FLASHRNN_API flashrnn_status flashrnn_forward(flashrnn_plan* plan, void* stream,
                                              const flashrnn_forward_arguments* arguments);

/// Enqueues the backward pass, for what the last flashrnn_forward with these `states` and `reserve`
/// did; otherwise as flashrnn_forward.
/// Errors: as flashrnn_forward, and FLASHRNN_INVALID_ARGUMENT if the problem is not for training.
FLASHRNN_API flashrnn_status flashrnn_backward(flashrnn_plan* plan, void* stream,
                                               const flashrnn_backward_arguments* arguments);

/// Waits until the work of the plan's last call, and what was enqueued on its stream before, is
/// done. Errors: FLASHRNN_INVALID_ARGUMENT for null, FLASHRNN_ENVIRONMENT_ERROR if the device
/// reports that the work failed.
FLASHRNN_API flashrnn_status flashrnn_plan_synchronize(flashrnn_plan* plan);

#ifdef __cplusplus
}
#endif

// NOLINTEND(modernize-use-using,modernize-deprecated-headers)

#endif  // FLASHRNN_FLASHRNN_H
