// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>

namespace flashrnn {

inline bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/// A line's text without the spaces around it.
inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Takes the part in front of the next `separator` off a text, and the separator; all of the text
/// if there is none.
inline std::string_view take_until(char separator, std::string_view& text) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

/// Takes the next word off a line; empty at its end.
inline std::string_view take_word(std::string_view& line) {
  while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  const auto end = std::ranges::find_if(line, is_space);
  const std::string_view word(line.begin(), end);
  line.remove_prefix(word.size());
  return word;
}

}  // namespace flashrnn
