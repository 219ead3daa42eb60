// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/initial_parameters.hpp"

#include <cmath>

#include "flashrnn/training/counter_random.hpp"

namespace flashrnn {

std::vector<float> initial_parameters(const Architecture& architecture, std::uint64_t seed,
                                      double forget_bias) {
  const ParameterLayout layout(architecture);
  const CounterRandom random(seed, 0);
  const double bound = 1 / std::sqrt(static_cast<double>(architecture.hidden_size()));
  std::vector<float> values(static_cast<std::size_t>(layout.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(bound * (2 * random.uniform(i) - 1));
  if (architecture.cell != "lstm" && architecture.cell != "slstm") return values;
  constexpr Index forget_gate = 1;
  for (Index layer = 0; layer < architecture.layers; ++layer) {
    for (const bool reverse : {false, true}) {
      const Parameter* const b = layout.find(ParameterLayout::name("b", layer, reverse));
      if (b == nullptr) continue;  // one direction alone, or no biases
      const Index first = b->offset + forget_gate * architecture.hidden_size();
      for (Index unit = 0; unit < architecture.hidden_size(); ++unit)
        values[static_cast<std::size_t>(first + unit)] += static_cast<float>(forget_bias);
    }
  }
  return values;
}

}  // namespace flashrnn
