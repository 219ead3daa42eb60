// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <memory>
#include <vector>

#include "flashrnn/model.hpp"
#include "flashrnn/network.hpp"

namespace flashrnn {

/// A batch of sequences in host memory.
struct Sequences {
  Index steps = 1;  ///< T
  Index batch = 1;  ///< B
  SequenceOrder order = SequenceOrder::time_major;
  std::vector<double> u;  ///< [T, B, I], or [B, T, I] if batch_first
  /// [S, L · directions, B, H · D]: torch's h_0, then (LSTM) c_0; empty: zero.
  std::vector<double> initial_states;
};

/// What a network makes of them, in host memory.
struct Prediction {
  std::vector<double> output;        ///< [T, B, features], or [B, T, features] if batch_first
  std::vector<double> final_states;  ///< [S, L · directions, B, H · D]: torch's h_n, then c_n
};

/// A network for those who want predictions and no memory to manage: it owns the parameters in the
/// memory of ExecutionSpace and all memory that a prediction needs, copies in and out, and waits
/// for results. Memory is kept between calls of the same size. One predictor is used from one
/// thread at a time.
template <class ExecutionSpace>
class Predictor {
 public:
  /// Copies the parameters, rounded to `dtype`, to ExecutionSpace.
  /// @throws InvalidArgument for an invalid architecture, a wrong number of parameters, or a
  /// parameter beyond the range of `dtype`; EnvironmentError if memory does not suffice.
  Predictor(const ExecutionSpace& space, const Model& model, DataType dtype = DataType::float32,
            const PlanOptions& options = {});
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;
  ~Predictor();

  const Architecture& architecture() const;
  const CellDescription& cell() const;

  /// Runs the network on `sequences` and returns when the results have arrived. Values are rounded
  /// to the predictor's type on their way in.
  /// @throws InvalidArgument if a size is below 1 or a vector's length is not that of its shape;
  /// EnvironmentError if memory does not suffice.
  Prediction predict(const Sequences& sequences);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace flashrnn
