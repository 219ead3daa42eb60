// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flashrnn/device_model.hpp"
#include "flashrnn/problem.hpp"

namespace flashrnn {

/// The tiling constraints of a kernel: a ConstrINT text beside the kernel. It reads the device's
/// and the problem's numbers by name, declares the tiling variables, bounds them by the device's
/// limits, and minimises TIME_STEP, the predicted time of one step in picoseconds. Variables named
/// TIME_… are the terms of that time. Its first comment lines say the rest:
///
///     # kernel: resident_gpu       its name
///     # backend: kokkos            PlanOptions::backend that runs it
///     # device: gpu                cpu or gpu
///     # tiling: BATCH_TILE …       the variables that the kernel wants to know
///     # search: list               where there are some hundred tilings at most, and branch and
///                                  bound looks at most of them: all are listed, which takes less
struct KernelText {
  std::string name;
  std::string backend;
  DeviceKind device = DeviceKind::cpu;
  std::vector<std::string> tiling;
  bool listed = false;
  std::string text;
};

/// All that the library was built with: **/tiling/*.constrint of core and the backends.
const std::vector<KernelText>& kernel_texts();
/// @throws InternalError if there is no such kernel.
const KernelText& find_kernel_text(std::string_view name);

/// One question to the tile search.
struct TileQuestion {
  std::shared_ptr<const DeviceModel> device;
  std::string kernel;             ///< name of a kernel text
  std::vector<NamedValue> sizes;  ///< the problem's numbers and the execution space's
};

/// A question as one line of text: equal questions have equal texts.
std::string key_of(const TileQuestion& question);

/// A kernel and values of its tiling variables that the tile search must keep.
struct FixedTiling {
  std::string kernel;  ///< empty: nothing is fixed
  std::vector<NamedValue> values;

  friend bool operator==(const FixedTiling&, const FixedTiling&) = default;
};

/// One way to run the kernel.
struct TileCandidate {
  std::vector<NamedValue> tiling;  ///< the kernel's tiling variables, in the order of its text
  std::vector<NamedValue> times;   ///< terms of the predicted time, ps
  std::int64_t step_ps = 0;        ///< predicted time of one step, ps
  std::string limited_by;          ///< the largest term: "fma" for TIME_FMA

  /// @throws InternalError if the kernel's text has no such tiling variable.
  std::int64_t at(std::string_view name) const;
};

/// The answer: candidates by predicted time, the best first; at least one.
struct TileChoice {
  std::string kernel;
  std::string device;
  std::vector<NamedValue> sizes;  ///< as they were asked for
  std::vector<TileCandidate> candidates;
  double solve_seconds = 0;  ///< what finding them took when they were not yet known
  std::uint64_t nodes = 0;   ///< that branch and bound tried; 0: listed, or found by propagation

  const TileCandidate& best() const { return candidates.front(); }
};

/// Joins device, kernel and sizes and solves for the least TIME_STEP. `candidates` is how many
/// answers are wanted; there may be fewer. Answers are remembered for the life of the process; any
/// number of threads may ask.
/// @throws InvalidArgument if no tiling exists; the message has the statements that conflict.
std::shared_ptr<const TileChoice> search_tiling(const TileQuestion& question, int candidates = 1);

/// The same, but no candidates where no tiling exists, without the time that an explanation takes.
std::shared_ptr<const TileChoice> find_tilings(const TileQuestion& question, int candidates = 1);

/// The same with a tiling that must be kept.
/// @throws InternalError if another kernel's tiling is fixed.
std::shared_ptr<const TileChoice> search_fixed(TileQuestion question, const FixedTiling& fixed);

/// Forgets all answers. For measurements and tests.
void forget_tilings();

/// The same for every kernel text of a backend (empty: of all) and the device's kind; kernels with
/// no tiling are left out, the best kernel comes first.
/// @throws InvalidArgument if none has a tiling.
std::vector<std::shared_ptr<const TileChoice>> search_kernels(
    const std::shared_ptr<const DeviceModel>& device, std::string_view backend,
    const std::vector<NamedValue>& sizes, int candidates = 1);

/// HEAD_DIM, HEADS, BATCH, STEPS, STATES, GATES, RECURRENT_GATES, INPUT_GATES, SAVED (0 for
/// inference), STORAGE_BYTES, PARTS (bfloat16 whose sum stands for a float32 where tensor cores
/// multiply it: 3, or 2 for MatmulPrecision::high; 1 for other types), BOUNDED (1: |h| never
/// exceeds 1 and the initial |h|), ACCUMULATE_BYTES, BACKWARD (1: the question is about the
/// backward pass), TRAINING (0 for inference), BIAS_GATES, INPUT_CHANNELS (that are read per unit
/// and step; of a backward pass the most that it may read), READ_STATES, how many of those are
/// states, and CLIPS (1: h is clipped).
std::vector<NamedValue> problem_sizes(const Problem& problem, const CellDescription& cell,
                                      bool backward);

/// What an execution space would say on a device that is not there: THREADS, KERNEL_VECTOR_BITS and
/// TEAMS_MEET on a CPU, TEAM_SCRATCH_BYTES on a GPU.
std::vector<NamedValue> space_sizes(const DeviceModel& device);

/// A choice in words, one line: tiling, predicted time and what limits it.
std::string describe(const TileChoice& choice);

}  // namespace flashrnn
