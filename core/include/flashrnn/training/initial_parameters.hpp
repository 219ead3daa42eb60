// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "flashrnn/architecture.hpp"

namespace flashrnn {

/// Parameters to start a training from, as ParameterLayout(architecture) places them: uniform in
/// ±1/sqrt(H·D), as torch.nn.LSTM, GRU and RNN have them, a function of the seed alone. The biases
/// of the forget gates of lstm and slstm (gate 1) are raised by `forget_bias`, so that a state
/// lasts from the beginning (R. Jozefowicz, W. Zaremba, I. Sutskever, ICML 2015); other cells have
/// none.
/// @throws InvalidArgument as validate(Architecture).
std::vector<float> initial_parameters(const Architecture& architecture, std::uint64_t seed,
                                      double forget_bias = 0);

}  // namespace flashrnn
