// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <algorithm>
#include <cstdio>

namespace constrint::cli {

namespace {

// Bytes of the UTF-8 character at the start of a text; 0 if there is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Longer than needed, half of a pair, or beyond the last character.
  const bool bad = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
                   (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F);
  return bad ? 0 : size;
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const char c = text[0];
    const std::size_t size = character_size(text);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kDigits[] = "0123456789abcdef";
      result += "\\u00";
      result += kDigits[static_cast<unsigned char>(c) >> 4];
      result += kDigits[static_cast<unsigned char>(c) & 15];
    } else {
      // JSON is UTF-8, which a text need not be.
      result += size == 0 ? "\\ufffd" : text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
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
