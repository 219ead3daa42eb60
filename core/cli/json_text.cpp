// SPDX-License-Identifier: Apache-2.0
#include "json_text.hpp"

#include <cstdio>

namespace flashrnn::cli {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json_object(const std::vector<NamedValue>& values) {
  std::string out = "{";
  for (const NamedValue& entry : values) {
    if (out.size() > 1) out += ',';
    out += json_string(entry.name) + ':' + std::to_string(entry.value);
  }
  return out + '}';
}

std::string json_array(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const std::string& element : elements) {
    if (out.size() > 1) out += ',';
    out += element;
  }
  return out + ']';
}

}  // namespace flashrnn::cli
