// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <sstream>

#include "small_heads/program.hpp"

namespace flashrnn::cuda {
namespace {

/// "{%0, %1, …}": `count` operands from the `first` on.
std::string operands(int first, int count) {
  std::string out = "{";
  for (int n = 0; n < count; ++n) out += (n > 0 ? ", %" : "%") + std::to_string(first + n);
  return out + "}";
}

/// WarpGroupProduct (kernels/warp_group.cuh) for a type and a number of columns: PTX names every
/// register of the sums, of which there are columns / 2.
std::string warp_group_product(DataType type, int columns) {
  const int sums = columns / 2;
  const std::string element = type == DataType::bfloat16 ? "bf16" : "f16";
  std::string outputs;
  for (int n = 0; n < sums; ++n)
    outputs += (n > 0 ? ", \"+f\"(c[" : "\"+f\"(c[") + std::to_string(n) + "])";
  const auto member = [&](const std::string& left, const std::string& left_operand,
                          const std::string& left_inputs, int left_count,
                          const std::string& transpositions) {
    const std::string right = "%" + std::to_string(sums + left_count),
                      add = "%" + std::to_string(sums + left_count + 1);
    return "  static __device__ void multiply(float (&c)[" + std::to_string(sums) + "], " + left +
           ", MatrixDescriptor b, bool add) {\n    asm volatile(\"{\\n.reg .pred add;\\n"
           "setp.ne.b32 add, " +
           add + ", 0;\\nwgmma.mma_async.sync.aligned.m64n" + std::to_string(columns) + "k16.f32." +
           element + "." + element + " " + operands(0, sums) + ", " + left_operand + ", " + right +
           ", add, 1, 1, " + transpositions + ";\\n}\" : " + outputs + " : " + left_inputs +
           ", \"l\"(b), \"r\"(static_cast<int>(add)));\n  }\n";
  };
  return "namespace flashrnn::cuda {\ntemplate <>\nstruct WarpGroupProduct<" + storage(type) +
         ", " + std::to_string(columns) + "> {\n" +
         member("const Word (&a)[4]", operands(sums, 4),
                "\"r\"(a[0]), \"r\"(a[1]), \"r\"(a[2]), \"r\"(a[3])", 4, "0") +
         member("MatrixDescriptor a", "%" + std::to_string(sums), "\"l\"(a)", 1, "0, 0") +
         "};\n}  // namespace flashrnn::cuda\n";
}

Program wide_forward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                             const SpreadTiling& tiling) {
  std::ostringstream tile;
  tile << "WideForwardTile<" << text.type << ", " << storage(ProductType(problem)) << ", "
       << tiling.text() << ", " << truth(problem.training) << ", "
       << truth(problem.forward_clip.has_value()) << '>';
  return tile_program(
      "#include \"wide_forward.cuh\"\n#include \"" + text.header + "\"\n" +
          warp_group_product(problem.dtype, tiling.batch),
      tile.str(),
      kernel_name(problem.training ? "wide_training_forward" : "wide_forward",
                  cell.description.name, ProductType(problem), tiling.blocks * tiling.units),
      "wide_forward", "SpreadForwardParameters", tiling.threads(), tiling.shared_bytes,
      sources_with(text));
}

}  // namespace

Program spread_forward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                               const SpreadTiling& tiling) {
  if (tiling.wide) return wide_forward_program(cell, text, problem, tiling);
  std::ostringstream tile;
  tile << "SpreadForwardTile<" << text.type << ", "
       << (tiling.scaled ? "flashrnn::cuda::ScaledFloat" : storage(ProductType(problem))) << ", "
       << tiling.text() << ", " << truth(tiling.staged) << ", " << truth(problem.training) << ", "
       << truth(problem.forward_clip.has_value()) << '>';
  return tile_program(
      "#include \"spread_forward.cuh\"\n#include \"" + text.header + "\"\n", tile.str(),
      kernel_name(problem.training ? "spread_training_forward" : "spread_forward",
                  cell.description.name, ProductType(problem), tiling.blocks * tiling.units),
      "spread_forward", "SpreadForwardParameters", tiling.threads(), tiling.shared_bytes,
      sources_with(text), tiling.beside);
}

Program spread_backward_program(const NativeCell& cell, const CellText& text,
                                const Problem& problem, const SpreadTiling& tiling) {
  std::ostringstream tile;
  tile << "SpreadBackwardTile<" << text.type << ", " << storage(ProductType(problem)) << ", "
       << tiling.text() << ", " << tiling.split << ", " << truth(problem.forward_clip.has_value())
       << ", " << truth(problem.recurrent_gradient_clip.has_value()) << ", "
       << truth(problem.cut_recurrent_gradient) << ", " << cell.reads.states << "u, "
       << cell.reads.saved << "u>";
  return tile_program("#include \"spread_backward.cuh\"\n#include \"" + text.header + "\"\n",
                      tile.str(),
                      kernel_name("spread_backward", cell.description.name, ProductType(problem),
                                  tiling.blocks * tiling.units),
                      "spread_backward", "SpreadBackwardParameters", tiling.threads(),
                      tiling.shared_bytes, sources_with(text), tiling.beside);
}

Program arrange_program(DataType type) {
  return plain_program(
      "arrange.cuh", "flashrnn_arrange_matrix",
      "flashrnn::cuda::arrange_matrix<flashrnn::cuda::Bits<" + storage(type) + ">>",
      "ArrangeParameters");
}

std::vector<Program> spread_heads_programs(const NativeCell& cell, const CellText& text,
                                           const Problem& problem,
                                           const SpreadHeadsTilings& tilings) {
  if (tilings.forward.empty() || (problem.training && tilings.backward.empty())) return {};
  std::vector<Program> out;
  out.push_back(arrange_program(problem.dtype));
  out.push_back(spread_forward_program(cell, text, problem, tilings.forward.front()));
  if (problem.training) {
    out.push_back(spread_backward_program(cell, text, problem, tilings.backward.front()));
    out.push_back(sum_parts_program(problem.dtype));
  }
  return out;
}

}  // namespace flashrnn::cuda
