// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <sstream>

namespace flashrnn::cuda {

int piece_bytes(const Problem& problem) {
  const Index row = problem.shape.head_dim * static_cast<Index>(size_of(problem.dtype));
  for (const int piece : {16, 8, 4})
    if (row % piece == 0) return piece;
  return 0;
}

namespace {
/// Whether saved values lie unit by unit: where rows fill their slots in the shared memory of both
/// kernels and backward reads all of them. (Some heads above 96 units are padded to multiples
/// of 32.)
bool saves_by_unit(const NativeCell& cell, const Problem& problem) {
  const Index head_dim = problem.shape.head_dim;
  return size_of(problem.dtype) == 2 && head_dim % (head_dim <= 96 ? 16 : 32) == 0 &&
         cell.reads.saved == (1u << cell.description.saved) - 1;
}

/// Adds the kernel that arranges R for that of the program, if it needs one.
Program with_arranged_matrix(Program program, const MatrixTiles& tiles) {
  program.lines += "static_assert(Tile::compute_warps == " + std::to_string(tiles.warps) +
                   " && Tile::m_tiles * Tile::k_tiles == " + std::to_string(tiles.per_warp) +
                   ");\n";
  if (!tiles.arranged()) return program;
  program.arrange_kernel = program.kernel + "_arrange";
  program.lines += "extern \"C\" __global__ void __launch_bounds__(" +
                   std::to_string(arrange_threads) + ")\n" + program.arrange_kernel +
                   "(const __grid_constant__ flashrnn::cuda::ArrangeFragmentsParameters "
                   "parameters) {\n  flashrnn::cuda::arrange_fragments<Tile>(parameters);\n}\n";
  return program;
}
}  // namespace

Program forward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                        const ForwardTiling& tiling, bool all_states) {
  std::ostringstream tile;
  const ProductType type(problem);
  tile << "ForwardTile<" << text.type << ", "
       << (tiling.scaled() ? "flashrnn::cuda::ScaledFloat" : storage(type)) << ", " << tiling.text()
       << ", " << truth(problem.forward_clip.has_value()) << ", " << truth(all_states)
       << ", "
       // Only the approximate tanh has use for half of a pre-activation.
       << (type.is_float() ? 0 : cell.sigmoid_gates) << "u, " << tiling.compute_registers << ", "
       << tiling.held << ", " << piece_bytes(problem) << ", " << truth(saves_by_unit(cell, problem))
       << '>';
  return with_arranged_matrix(
      tile_program("#include \"forward.cuh\"\n#include \"" + text.header + "\"\n", tile.str(),
                   kernel_name(tiling.saving ? "training_forward"
                               : all_states  ? "forward"
                                             : "forward_of_h",
                               cell.description.name, type, tiling.padded),
                   "forward", "ForwardParameters", tiling.threads(), tiling.shared_bytes,
                   sources_with(text), tiling.beside),
      tiling.matrix_tiles(cell.description));
}

bool has_program_of_hidden_state(const CellDescription& cell, bool training) {
  return !training && cell.states > 1;
}

Program backward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                         const BackwardTiling& tiling) {
  std::ostringstream tile;
  tile << "BackwardTile<" << text.type << ", "
       << (tiling.scaled() ? "flashrnn::cuda::ScaledFloat" : storage(ProductType(problem))) << ", "
       << tiling.text() << ", " << truth(problem.forward_clip.has_value()) << ", "
       << truth(problem.recurrent_gradient_clip.has_value()) << ", "
       << truth(problem.cut_recurrent_gradient) << ", " << tiling.compute_registers << ", "
       << cell.reads.states << "u, " << cell.reads.saved << "u, " << tiling.held << ", "
       << piece_bytes(problem) << ", " << truth(saves_by_unit(cell, problem)) << '>';
  return with_arranged_matrix(
      tile_program(
          "#include \"backward.cuh\"\n#include \"" + text.header + "\"\n", tile.str(),
          kernel_name("backward", cell.description.name, ProductType(problem), tiling.padded),
          "backward", "BackwardParameters", tiling.threads(), tiling.shared_bytes,
          sources_with(text), tiling.beside),
      tiling.matrix_tiles(cell.description));
}

Program weight_gradient_program(const NativeCell& cell, ProductType type,
                                const WeightGradientTiling& tiling) {
  return tile_program("#include \"weight_gradient.cuh\"\n",
                      "WeightGradientTile<" + storage(type) + ", " + std::to_string(tiling.padded) +
                          ", " + std::to_string(cell.description.recurrent_gates) + ", " +
                          tiling.text() + ">",
                      kernel_name("weight_gradient", cell.description.name, type, tiling.padded),
                      "weight_gradient", "WeightGradientParameters", tiling.threads(),
                      tiling.shared_bytes(), embedded_sources(), tiling.beside);
}

Program sum_parts_program(DataType type) {
  const std::string kernel = "flashrnn_sum_parts_" + std::string(name_of(type));
  return plain_program("weight_gradient.cuh", kernel,
                       "flashrnn::cuda::sum_parts<" + storage(type) + ">", "SumPartsParameters");
}

std::vector<Program> small_heads_programs(const NativeCell& cell, const CellText& text,
                                          const Problem& problem,
                                          const SmallHeadsTilings& tilings) {
  std::vector<Program> out;
  out.push_back(forward_program(cell, text, problem, tilings.forward));
  if (has_program_of_hidden_state(cell.description, problem.training))
    out.push_back(forward_program(cell, text, problem, tilings.forward, false));
  if (problem.training) {
    out.push_back(backward_program(cell, text, problem, tilings.backward));
    out.push_back(weight_gradient_program(cell, ProductType(problem), tilings.weights));
    out.push_back(sum_parts_program(problem.dtype));
  }
  return out;
}

}  // namespace flashrnn::cuda
