// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/predictor.hpp"

namespace flashrnn::cli {

/// Where and how a model runs.
struct RunnerOptions {
  std::string backend = "auto";  ///< as PlanOptions::backend
  DataType dtype = DataType::float32;
  bool progress = false;  ///< report on stderr how far a long sequence is
};

/// Throws InvalidArgument, naming the backends there are, unless `backend` is one of them.
void check_backend(const std::string& backend);

/// Runs the model on the sequences. With progress, a model that only looks back is run in pieces of
/// time that hand their states on; one of both directions has to see the whole sequence at once.
/// Kokkos has to be initialised. Throws what Predictor throws.
[[nodiscard]] Prediction run_model(const Model& model, const Sequences& sequences,
                                   const RunnerOptions& options);

}  // namespace flashrnn::cli
