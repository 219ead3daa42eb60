// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "flashrnn/problem.hpp"

namespace flashrnn::bench {

/// What one call runs: forward for inference, forward that keeps what backward needs, or that
/// followed by backward (dx, dR, db).
enum class Pass { inference, training, training_backward };

/// "inference", "training", "training_backward".
std::string name_of(Pass pass);

/// One problem to be timed, independent of where it runs.
struct Case {
  std::vector<std::string> sweeps;  ///< that it is a point of
  std::string cell;
  DataType dtype = DataType::float32;
  Shape shape;
  Pass pass = Pass::inference;
  MatmulPrecision precision = MatmulPrecision::highest;  ///< of float32
};

/// What --dtype selects: "float32_high" (or f32_high) is float32 with MatmulPrecision::high.
struct ElementChoice {
  DataType dtype = DataType::float32;
  MatmulPrecision precision = MatmulPrecision::highest;
};
/// @throws InvalidArgument for a name that does not exist, listing those that do.
ElementChoice element_choice(const std::string& name);
/// "bfloat16", "float32", "float32_high".
std::string dtype_of(const Case& one);

/// "lstm float32 64x12 B16 T1024 inference": equal cases have equal keys.
std::string key_of(const Case& one);

/// What the user chose; an empty list means all that there are.
struct Selection {
  std::vector<std::string> cells;       ///< lstm, gru, slstm, elman (elman_relu by name)
  std::vector<std::string> sweeps;      ///< head_dim, batch, steps
  std::vector<std::string> passes;      ///< names of Pass
  std::vector<std::string> dtypes;      ///< float32 on a CPU, bfloat16 and float32 on a GPU;
                                        ///< float32_high by name
  std::vector<std::string> heads_dims;  ///< "64x12": head_dim x heads; replaces those of sweeps
  std::vector<Index> batches;           ///< replaces those of the sweeps
  std::vector<Index> steps;             ///< replaces those of the sweeps; never shortened
  bool quick = false;                   ///< a few points of each sweep
};

/// The cases of a selection for a CPU or a GPU, sweep by sweep; a problem that is a point of
/// several sweeps comes once. On a CPU the number of steps is cut by shortened_steps().
/// @throws InvalidArgument for a name that does not exist, listing those that do.
std::vector<Case> make_cases(const Selection& selection, bool cpu);

/// Steps of a case on a CPU: the largest power of two with which a forward pass has at most
/// step_budget() multiply-adds, at least 64, at most shape.steps.
Index shortened_steps(const Shape& shape, int recurrent_gates, double budget);

/// Multiply-adds that a forward pass on a CPU may have: of the sweep of steps, of all others.
double step_budget(bool sweep_of_steps, bool quick);

/// Multiply-adds of the products of one step, forward.
double step_products(const Shape& shape, int recurrent_gates);

}  // namespace flashrnn::bench
