// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "flashrnn/problem.hpp"
#include "flashrnn/recurrence/tile_search.hpp"
#include "flashrnn/tensors.hpp"

namespace flashrnn {

/// Which engine, and what its tilings must be. Nothing fixed: the best by the device's model.
struct EngineOptions {
  std::string backend = "kokkos";
  FixedTiling forward = {};
  FixedTiling backward = {};
  /// Why the portable recurrence was taken in place of another; for describe().
  std::string note = {};
};

/// What stands behind a plan: one way of running one problem. Tensors have been checked and every
/// stride is set when forward and backward are called.
template <class ExecutionSpace>
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  virtual const CellDescription& cell() const = 0;
  virtual std::string describe() const = 0;
  /// The tiling of a pass and how it was chosen; null if the engine does not tile.
  virtual const TileChoice* tiling(bool /*backward*/) const { return nullptr; }
  virtual std::size_t reserve_bytes() const = 0;
  virtual std::size_t forward_workspace_bytes() const = 0;
  virtual std::size_t backward_workspace_bytes() const = 0;
  virtual void forward(const ExecutionSpace& space, const ForwardTensors& tensors) const = 0;
  virtual void backward(const ExecutionSpace& space, const BackwardTensors& tensors) const = 0;
};

}  // namespace flashrnn
