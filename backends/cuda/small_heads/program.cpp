// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <sstream>

namespace flashrnn::cuda {
namespace {

/// "flashrnn_forward_lstm_bfloat16_d64"; a user's cell may have any name.
std::string kernel_name(const std::string& pass, const std::string& cell, DataType type,
                        int padded) {
  std::string out = "flashrnn_" + pass + "_" + cell + "_" + std::string(name_of(type)) + "_d" +
                    std::to_string(padded);
  for (char& c : out)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) c = '_';
  return out;
}

Program program(const std::string& headers, const std::string& tile, const std::string& kernel,
                const std::string& function, const std::string& parameters, int threads,
                int shared_bytes) {
  std::ostringstream out;
  out << headers << "using Tile = flashrnn::cuda::" << tile << ";\n"
      << "static_assert(Tile::threads == " << threads << ");\n"
      << "static_assert(Tile::shared_bytes == " << shared_bytes << ");\n"
      << "extern \"C\" __global__ void __launch_bounds__(Tile::threads, 1)\n"
      << kernel << "(const __grid_constant__ flashrnn::cuda::" << parameters << " parameters) {\n"
      << "  flashrnn::cuda::" << function << "<Tile>(parameters);\n}\n";
  return {join_sources(out.str(), embedded_sources()), kernel};
}

const char* truth(bool value) {
  return value ? "true" : "false";
}

std::string storage(DataType type) {
  return "flashrnn::" + std::string(name_of(type));
}

}  // namespace

Program forward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                        const ForwardTiling& tiling) {
  std::ostringstream tile;
  tile << "ForwardTile<" << text.type << ", " << storage(problem.dtype) << ", " << tiling.text()
       << ", " << truth(problem.forward_clip.has_value()) << ", " << cell.sigmoid_gates << "u, "
       << tiling.compute_registers << '>';
  return program("#include \"forward.cuh\"\n#include \"" + text.header + "\"\n", tile.str(),
                 kernel_name(tiling.saving ? "training_forward" : "forward", cell.description.name,
                             problem.dtype, tiling.padded),
                 "forward", "ForwardParameters", tiling.threads(),
                 tiling.shared_bytes(cell.description));
}

Program backward_program(const NativeCell& cell, const CellText& text, const Problem& problem,
                         const BackwardTiling& tiling) {
  std::ostringstream tile;
  tile << "BackwardTile<" << text.type << ", " << storage(problem.dtype) << ", " << tiling.text()
       << ", " << truth(problem.forward_clip.has_value()) << ", "
       << truth(problem.recurrent_gradient_clip.has_value()) << ", "
       << truth(problem.cut_recurrent_gradient) << ", " << tiling.compute_registers << ", "
       << cell.reads.states << "u, " << cell.reads.saved << "u>";
  return program("#include \"backward.cuh\"\n#include \"" + text.header + "\"\n", tile.str(),
                 kernel_name("backward", cell.description.name, problem.dtype, tiling.padded),
                 "backward", "BackwardParameters", tiling.threads(),
                 tiling.shared_bytes(cell.description, cell.reads));
}

Program weight_gradient_program(const NativeCell& cell, DataType type,
                                const WeightGradientTiling& tiling) {
  return program(
      "#include \"weight_gradient.cuh\"\n",
      "WeightGradientTile<" + storage(type) + ", " + std::to_string(tiling.padded) + ", " +
          std::to_string(cell.description.recurrent_gates) + ", " + tiling.text() + ">",
      kernel_name("weight_gradient", cell.description.name, type, tiling.padded), "weight_gradient",
      "WeightGradientParameters", tiling.threads(), tiling.shared_bytes());
}

Program sum_parts_program(DataType type) {
  const std::string kernel = "flashrnn_sum_parts_" + std::string(name_of(type));
  const std::string text = "#include \"weight_gradient.cuh\"\nextern \"C\" __global__ void\n" +
                           kernel +
                           "(const __grid_constant__ flashrnn::cuda::SumPartsParameters "
                           "parameters) {\n  flashrnn::cuda::sum_parts<" +
                           storage(type) + ">(parameters);\n}\n";
  return {join_sources(text, embedded_sources()), kernel};
}

}  // namespace flashrnn::cuda
