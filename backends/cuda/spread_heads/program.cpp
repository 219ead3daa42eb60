// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <sstream>

namespace flashrnn::cuda {

Program spread_forward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                               const SpreadTiling& tiling) {
  std::ostringstream tile;
  tile << "SpreadForwardTile<" << text.type << ", " << storage(problem.dtype) << ", "
       << tiling.text() << ", " << truth(problem.training) << ", "
       << truth(problem.forward_clip.has_value()) << '>';
  return tile_program(
      "#include \"spread_forward.cuh\"\n#include \"" + text.header + "\"\n", tile.str(),
      kernel_name(problem.training ? "spread_training_forward" : "spread_forward",
                  cell.description.name, problem.dtype, tiling.blocks * tiling.units),
      "spread_forward", "SpreadForwardParameters", tiling.threads(), tiling.shared_bytes,
      sources_with(text));
}

Program spread_backward_program(const NativeCell& cell, const CellText& text,
                                const Problem& problem, const SpreadTiling& tiling) {
  std::ostringstream tile;
  tile << "SpreadBackwardTile<" << text.type << ", " << storage(problem.dtype) << ", "
       << tiling.text() << ", " << truth(problem.forward_clip.has_value()) << ", "
       << truth(problem.recurrent_gradient_clip.has_value()) << ", "
       << truth(problem.cut_recurrent_gradient) << ", " << cell.reads.states << "u, "
       << cell.reads.saved << "u>";
  return tile_program("#include \"spread_backward.cuh\"\n#include \"" + text.header + "\"\n",
                      tile.str(),
                      kernel_name("spread_backward", cell.description.name, problem.dtype,
                                  tiling.blocks * tiling.units),
                      "spread_backward", "SpreadBackwardParameters", tiling.threads(),
                      tiling.shared_bytes, sources_with(text));
}

Program arrange_program(DataType type) {
  return plain_program(
      "arrange.cuh", "flashrnn_arrange_matrix",
      "flashrnn::cuda::arrange_matrix<flashrnn::cuda::Bits<" + storage(type) + ">>",
      "ArrangeParameters");
}

}  // namespace flashrnn::cuda
