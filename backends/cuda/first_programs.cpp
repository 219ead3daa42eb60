// SPDX-License-Identifier: Apache-2.0
#include "first_programs.hpp"

#include "small_heads/program.hpp"
#include "spread_heads/program.hpp"

namespace flashrnn::cuda {

std::vector<Program> first_programs(const Problem& problem, const NativeCell& cell,
                                    const CellText& text, const DeviceFacts& device) {
  if (problem.dtype == DataType::float64) return {};
  const NativeCell used = with_options(cell, problem);
  for (const HeadKernels kernels : kernels_in_order(problem, used, device)) {
    if (kernels == HeadKernels::small) {
      if (const auto tilings = choose_small_heads(problem, used, device))
        return small_heads_programs(used, text, problem, *tilings);
    } else if (auto out = spread_heads_programs(used, text, problem,
                                                choose_spread_heads(problem, used, device));
               !out.empty()) {
      return out;
    }
  }
  return {};
}

}  // namespace flashrnn::cuda
