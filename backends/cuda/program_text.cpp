// SPDX-License-Identifier: Apache-2.0
#include "program_text.hpp"

#include <sstream>

namespace flashrnn::cuda {

std::string kernel_name(const std::string& pass, const std::string& cell, ProductType type,
                        int padded) {
  std::string out = "flashrnn_" + pass + "_" + cell + "_" + std::string(name_of(type.type)) +
                    (type.parts() == 2 ? "_high" : "") + "_d" + std::to_string(padded);
  for (char& c : out)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) c = '_';
  return out;
}

Program tile_program(const std::string& headers, const std::string& tile, const std::string& kernel,
                     const std::string& function, const std::string& parameters, int threads,
                     int shared_bytes, const std::vector<Source>& sources, int beside) {
  std::ostringstream out;
  out << headers << "using Tile = flashrnn::cuda::" << tile << ";\n"
      << "static_assert(Tile::threads == " << threads << ");\n"
      << "static_assert(Tile::shared_bytes == " << shared_bytes << ");\n"
      << "extern \"C\" __global__ void __launch_bounds__(Tile::threads, " << beside << ")\n"
      << kernel << "(const __grid_constant__ flashrnn::cuda::" << parameters << " parameters) {\n"
      << "  flashrnn::cuda::" << function << "<Tile>(parameters);\n}\n";
  return {out.str(), sources, kernel};
}

Program plain_program(const std::string& header, const std::string& kernel,
                      const std::string& function, const std::string& parameters) {
  const std::string text = "#include \"" + header + "\"\nextern \"C\" __global__ void\n" + kernel +
                           "(const __grid_constant__ flashrnn::cuda::" + parameters +
                           " parameters) {\n  " + function + "(parameters);\n}\n";
  return {text, embedded_sources(), kernel};
}

const char* truth(bool value) {
  return value ? "true" : "false";
}

std::string storage(ProductType type) {
  if (!type.is_float()) return "flashrnn::" + std::string(name_of(type.type));
  return type.parts() == 2 ? "flashrnn::cuda::TwoPartFloat" : "float";
}

}  // namespace flashrnn::cuda
