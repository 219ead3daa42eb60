// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "native_cell.hpp"
#include "program_text.hpp"
#include "tiling/small_heads.hpp"

// The texts that are compiled at run time. They name a tile, state what the tile choice assumed of
// it, and instantiate the kernel; everything else is in kernels/. A program refers to the cell's
// text that it is made with, which has to outlive it.

namespace flashrnn::cuda {

/// Bytes in which the kernels move the problem's sequences, if addresses and strides are multiples
/// of as many: 16, 8 or 4; 0 for rows that begin anywhere.
int piece_bytes(const Problem& problem);

/// Threads of a block of the kernel that arranges R, which is in the program of every recurrence.
inline constexpr int arrange_threads = 256;

/// `all_states`: for calls with a tensor for all states, and for training; else it stores h alone.
Program forward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                        const ForwardTiling& tiling, bool all_states = true);
/// Whether calls without a tensor for all states have a program of their own: what is not stored
/// need not be formed, and two programs are compiled side by side.
bool has_program_of_hidden_state(const CellDescription& cell, bool training);
Program backward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                         const BackwardTiling& tiling);
Program weight_gradient_program(const NativeCell& cell, ProductType type,
                                const WeightGradientTiling& tiling);
/// The kernel that adds the parts of dR and db.
Program sum_parts_program(DataType type);

/// What a plan loads: the kernels of forward; of calls for h alone, if they have their own; and in
/// training of backward, of dR, and the one that adds parts.
std::vector<Program> small_heads_programs(const NativeCell& cell, const CellText& text,
                                          const Problem& problem, const SmallHeadsTilings& tilings);

}  // namespace flashrnn::cuda
