// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/tuning_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "flashrnn/flashrnn.h"

namespace flashrnn {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view first_line = "flashrnn tuning 1";
constexpr std::string_view last_line = "end";  // a file that was cut off lacks it

/// FNV-1a, 64 bits.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037u;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return value;
}

std::string hexadecimal(std::uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  return {digits, end};
}

/// The question and the kernels' texts: if a kernel's constraints change, all is measured anew.
std::string full_key(const TileQuestion& question) {
  std::string texts;
  for (const KernelText& kernel : kernel_texts())
    if (kernel.backend == question.kernel) texts += kernel.text;
  return key_of(question) + '@' + hexadecimal(hash(texts));
}

fs::path cache_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/')
    return cache;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return fs::path(home) / ".cache";
  return {};
}

std::optional<NamedValue> parse_value(const std::string& line) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) return std::nullopt;
  NamedValue out{line.substr(0, space), 0};
  const char* const end = line.data() + line.size();
  const auto [at, error] = std::from_chars(line.data() + space + 1, end, out.value);
  if (error != std::errc() || at != end) return std::nullopt;
  return out;
}

}  // namespace

std::string tuning_file(const TileQuestion& question) {
  const fs::path cache = cache_folder();
  if (cache.empty()) return {};
  const std::string version = std::to_string(FLASHRNN_VERSION_MAJOR) + '.' +
                              std::to_string(FLASHRNN_VERSION_MINOR) + '.' +
                              std::to_string(FLASHRNN_VERSION_PATCH);
  return cache / "flashrnn" / "tunings" / version / question.device->name /
         (question.kernel + '_' + hexadecimal(hash(full_key(question))));
}

std::optional<FixedTiling> remembered_tiling(const TileQuestion& question) {
  const std::string path = tuning_file(question);
  if (path.empty()) return std::nullopt;
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line) || line != first_line) return std::nullopt;
  if (!std::getline(in, line) || line != full_key(question)) return std::nullopt;
  // Exactly a kernel's variables: whether their values are legal, the tile search finds out.
  FixedTiling tiling;
  if (!std::getline(in, tiling.kernel)) return std::nullopt;
  const auto kernel = std::ranges::find(kernel_texts(), tiling.kernel, &KernelText::name);
  if (kernel == kernel_texts().end()) return std::nullopt;
  for (const std::string& name : kernel->tiling) {
    if (!std::getline(in, line)) return std::nullopt;
    const auto value = parse_value(line);
    if (!value || value->name != name) return std::nullopt;
    tiling.values.push_back(*value);
  }
  if (!std::getline(in, line) || line != last_line) return std::nullopt;
  return tiling;
}

bool remember_tiling(const TileQuestion& question, const FixedTiling& tiling) {
  const fs::path path = tuning_file(question);
  if (path.empty()) return false;
  static std::atomic<int> count = 0;
  const fs::path temporary =
      path.string() + '.' + std::to_string(getpid()) + '.' + std::to_string(++count) + ".tmp";
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return false;
  std::ofstream out(temporary);
  out << first_line << '\n' << full_key(question) << '\n' << tiling.kernel << '\n';
  for (const NamedValue& entry : tiling.values) out << entry.name << ' ' << entry.value << '\n';
  out << last_line << '\n';
  out.close();
  if (out) fs::rename(temporary, path, error);
  if (!out || error) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    return false;
  }
  return true;
}

}  // namespace flashrnn
