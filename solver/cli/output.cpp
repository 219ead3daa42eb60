// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <cstdio>

namespace constrint::cli {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kDigits[] = "0123456789abcdef";
      result += "\\u00";
      result += kDigits[static_cast<unsigned char>(c) >> 4];
      result += kDigits[static_cast<unsigned char>(c) & 15];
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string_view name_of(Status status) {
  switch (status) {
    case Status::satisfiable:
      return "satisfiable";
    case Status::unsatisfiable:
      return "unsatisfiable";
    default:
      return "limit";
  }
}

SolutionWriter::SolutionWriter(const Model& model, bool json) : json_(json) {
  for (std::size_t v = 0; v < model.variable_count(); ++v) {
    const std::string name(model.variable_name(v));
    names_.push_back(json ? quoted(name) + ":" : name + " = ");
  }
}

void SolutionWriter::write(std::span<const std::int64_t> values) {
  if (written_++ > 0) buffer_ += json_ ? ",\n" : "\n";
  if (json_) buffer_ += '{';
  for (std::size_t v = 0; v < values.size(); ++v) {
    if (json_ && v > 0) buffer_ += ',';
    buffer_ += names_[v];
    buffer_ += std::to_string(values[v]);
    if (!json_) buffer_ += '\n';
  }
  if (json_) buffer_ += '}';
  if (buffer_.size() > (1U << 16)) flush();
}

void SolutionWriter::flush() {
  std::fwrite(buffer_.data(), 1, buffer_.size(), stdout);
  buffer_.clear();
}

}  // namespace constrint::cli
