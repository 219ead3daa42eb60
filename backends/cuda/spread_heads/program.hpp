// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "native_cell.hpp"
#include "program_text.hpp"
#include "tiling/spread_heads.hpp"

// The texts of the kernels of spread heads, which are compiled at run time; as
// small_heads/program.hpp says.

namespace flashrnn::cuda {

Program spread_forward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                               const SpreadTiling& tiling);
Program spread_backward_program(const NativeCell& cell, const CellText& text,
                                const Problem& problem, const SpreadTiling& tiling);
/// The kernel that copies R into the order in which the others read it.
Program arrange_program(DataType type);

/// What a plan loads with the first of its tilings: the kernels that arrange R, of forward, and in
/// training of backward, and the one that adds parts. Empty if the problem has no tilings.
std::vector<Program> spread_heads_programs(const NativeCell& cell, const CellText& text,
                                           const Problem& problem,
                                           const SpreadHeadsTilings& tilings);

}  // namespace flashrnn::cuda
