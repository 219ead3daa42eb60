// SPDX-License-Identifier: Apache-2.0
#include "tiling_text.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <optional>

#include "devices/words.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

bool is_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/// The names in a kernel's text, its comments left out, in order.
std::vector<std::string_view> names_in(std::string_view text) {
  std::vector<std::string_view> names;
  while (!text.empty()) {
    std::string_view line = take_until('\n', text);
    line = line.substr(0, line.find('#'));
    while (!line.empty()) {
      const auto* const end = std::ranges::find_if_not(line, is_name_character);
      if (end != line.begin()) names.emplace_back(line.begin(), end);
      line.remove_prefix(std::min(line.size(), static_cast<std::size_t>(end - line.begin()) + 1));
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// The same, of one of kernel_texts(), which stay where they are.
const std::vector<std::string_view>& names_of(const KernelText& kernel) {
  static std::mutex mutex;
  static std::map<const KernelText*, std::vector<std::string_view>> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(&kernel);
  return found != known.end() ? found->second
                              : known.emplace(&kernel, names_in(kernel.text)).first->second;
}

std::optional<std::int64_t> number(std::string_view word) {
  std::int64_t value = 0;
  const char* const end = word.data() + word.size();
  const auto [at, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

}  // namespace

std::string key_as_read(const TileQuestion& question, const KernelText& kernel) {
  const std::vector<std::string_view>& names = names_of(kernel);
  std::string key = kernel.name;
  const auto add = [&](const std::vector<NamedValue>& values) {
    for (const NamedValue& entry : values) {
      if (!std::ranges::binary_search(names, entry.name)) continue;
      key += ' ';
      key += entry.name;
      key += '=';
      key += std::to_string(entry.value);
    }
  };
  add(question.device->values);
  key += " @";
  add(question.sizes);
  return key;
}

std::string limiting_term(const std::vector<NamedValue>& times) {
  const auto largest = std::ranges::max_element(times, {}, &NamedValue::value);
  if (largest == times.end()) return {};
  std::string term = largest->name.substr(time_prefix.size());
  std::ranges::transform(term, term.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return term;
}

std::string text_of(const TileCandidate& candidate) {
  std::string out;
  for (const NamedValue& entry : candidate.tiling) out += std::to_string(entry.value) + ' ';
  for (const NamedValue& entry : candidate.times)
    out += entry.name + ' ' + std::to_string(entry.value) + ' ';
  return out + std::to_string(candidate.step_ps);
}

TileCandidate candidate_of(const KernelText& kernel, std::string_view text) {
  const auto fail = [&kernel, line = std::string(text)] {
    return InternalError("tile search: of the kernel " + kernel.name +
                         ", this is no tiling: " + line);
  };
  TileCandidate out;
  const auto take_number = [&] {
    const auto value = number(take_word(text));
    if (!value) throw fail();
    return *value;
  };
  for (const std::string& name : kernel.tiling) out.tiling.push_back({name, take_number()});
  std::string_view word = take_word(text);
  for (; word.starts_with(time_prefix); word = take_word(text))
    out.times.push_back({std::string(word), take_number()});
  const auto step = number(word);
  if (!step || !trimmed(text).empty()) throw fail();
  out.step_ps = *step;
  out.limited_by = limiting_term(out.times);
  return out;
}

}  // namespace flashrnn
