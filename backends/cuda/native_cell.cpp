// SPDX-License-Identifier: Apache-2.0
#include "native_cell.hpp"

#include <fstream>
#include <sstream>

namespace flashrnn::cuda {
namespace {

/// By type, not by name: a user's cell may have the name of one of ours.
std::string built_in_header(const std::string& type) {
  if (type == "flashrnn::Elman" || type == "flashrnn::ElmanRelu") return "flashrnn/cells/elman.hpp";
  if (type == "flashrnn::Gru") return "flashrnn/cells/gru.hpp";
  if (type == "flashrnn::Lstm") return "flashrnn/cells/lstm.hpp";
  if (type == "flashrnn::Slstm") return "flashrnn/cells/slstm.hpp";
  return {};
}

}  // namespace

CellText cell_text(const NativeCell& cell) {
  CellText out;
  if (const std::string header = built_in_header(cell.type); !header.empty()) {
    out.type = cell.type;
    out.header = header;
    return out;
  }
  const std::string which =
      "the CUDA kernels are compiled from a cell's text, and that of " + cell.description.name;
  if (cell.file.empty()) {
    out.reason = which +
                 " is not known: its struct has no member `static constexpr const char* "
                 "file = __FILE__;`";
  } else if (cell.type.empty()) {
    out.reason = which + " has no name outside of its file: an unnamed namespace or a template";
  } else if (std::ifstream in(cell.file); in) {
    std::ostringstream text;
    text << in.rdbuf();
    out.type = cell.type;
    out.header = cell.file;
    out.own = text.str();
  } else {
    out.reason = which + " cannot be read here: " + cell.file;
  }
  return out;
}

std::vector<Source> sources_with(const CellText& text) {
  std::vector<Source> all = embedded_sources();
  if (!text.own.empty()) all.push_back({text.header, text.own});
  return all;
}

NativeCell with_options(const NativeCell& cell, const Problem& problem) {
  NativeCell out = cell;
  // Whether the clip of h was active is read off h itself.
  if (problem.forward_clip) out.reads.states |= 1u;
  return out;
}

}  // namespace flashrnn::cuda
