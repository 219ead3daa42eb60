// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "flashrnn/problem.hpp"
#include "flashrnn/recurrence/engine.hpp"
#include "flashrnn/tensors.hpp"

namespace flashrnn {

/// What decides between the tilings of a kernel.
enum class Tuning {
  model,    ///< the device's model: the same on every machine, and at once
  measured  ///< the best few by the model are timed on the device; the winner is remembered on disk
};

template <class ExecutionSpace>
class Tuner;

/// How a plan may be made.
struct PlanOptions {
  /// "kokkos": the portable recurrence in the plan's execution space, by vector kernels where that
  /// is the host's. "kokkos_generic": its plain text, host execution spaces only. "cuda": kernels
  /// of our own in the space Kokkos::Cuda; a problem that they do not run is an error. "auto": the
  /// latter where they run the problem, else "kokkos"; describe() says which, and why. "reference":
  /// the serial oracle, host execution spaces only.
  std::string backend = "auto";

  /// `measured` runs the problem (at most 64 steps of it) a few times when the plan is made, in
  /// memory that it allocates for that, unless an earlier plan's winner is found in
  /// $XDG_CACHE_HOME/flashrnn (or ~/.cache/flashrnn). Winners are kept per device, problem and
  /// version of the library.
  Tuning tuning = Tuning::model;
};

/// A recurrence made ready for one problem in one execution space, as a plan of an FFT library:
/// made once, run often. Running it allocates nothing and returns as soon as its work is enqueued
/// on the execution-space instance it is given; fence the instance before reading results.
///
/// Kokkos must be initialised by the caller before a plan is made and finalised after the last plan
/// is gone. Different plans may be used from different threads at once; one plan from one thread at
/// a time, and its calls must not overlap on the device: on a GPU they may share memory that the
/// plan holds (describe() says how much). All tensors lie in memory that ExecutionSpace can access.
template <class ExecutionSpace>
class Plan {
 public:
  /// A plan for one of the built-in cells.
  /// @throws InvalidArgument for an invalid problem (see validate), an unknown cell or backend, a
  /// problem that no tiling fits (the message has the constraints that conflict).
  /// @throws EnvironmentError if measuring lacks memory.
  Plan(const ExecutionSpace& space, const Problem& problem, const PlanOptions& options = {});

  /// A plan for a cell of the user's (see flashrnn/cells/cell.hpp); problem.cell is ignored.
  /// Include flashrnn/user_cell.hpp to use it.
  /// @tparam Storage element types that the problem may have, of double, float, bfloat16, float16;
  /// none: all four. The kernels are compiled with the user's file once for each of them.
  /// @throws InvalidArgument as the constructor; also for a problem of another element type.
  template <class Cell, class... Storage>
  static Plan for_cell(const ExecutionSpace& space, Problem problem,
                       const PlanOptions& options = {});

  const Problem& problem() const { return problem_; }
  const CellDescription& cell() const { return engine_->cell(); }
  /// What was chosen, in a few lines for people.
  std::string describe() const;
  /// The tiling of a pass, with its predicted time of a step and what limits it; null if the engine
  /// does not take its tiling from the tile search.
  const TileChoice* tiling(bool backward) const { return engine_->tiling(backward); }

  /// Bytes that forward keeps for backward in ForwardTensors::reserve (0 unless training).
  std::size_t reserve_bytes() const { return engine_->reserve_bytes(); }
  /// Bytes of ForwardTensors::workspace; aligned to 64 bytes. Contents need not survive the call
  /// unless the next one says R_is_prepared.
  std::size_t forward_workspace_bytes() const { return engine_->forward_workspace_bytes(); }
  /// Bytes of BackwardTensors::workspace; aligned to 64 bytes. Contents need not survive the call.
  std::size_t backward_workspace_bytes() const { return engine_->backward_workspace_bytes(); }

  /// Enqueues the forward pass on `space`. Shapes, ownership and aliasing: ForwardTensors.
  /// @throws InvalidArgument if a required tensor is null or a stride cannot be right.
  void forward(const ExecutionSpace& space, const ForwardTensors& tensors) const;

  /// Enqueues the backward pass on `space`. Shapes, ownership and aliasing: BackwardTensors.
  /// @throws InvalidArgument as forward; also if the problem is not for training.
  void backward(const ExecutionSpace& space, const BackwardTensors& tensors) const;

 private:
  friend class Tuner<ExecutionSpace>;

  Plan(const Problem& problem, std::unique_ptr<const Engine<ExecutionSpace>> engine,
       std::string tuning = {})
      : problem_(problem), engine_(std::move(engine)), tuning_(std::move(tuning)) {}

  Problem problem_;
  std::unique_ptr<const Engine<ExecutionSpace>> engine_;
  std::string tuning_;  ///< what measuring found, for describe()
};

}  // namespace flashrnn
