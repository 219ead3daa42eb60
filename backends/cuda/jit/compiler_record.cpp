// SPDX-License-Identifier: Apache-2.0
#include "compiler_record.hpp"

#include <fstream>
#include <string_view>
#include <system_error>

#include "replace_file.hpp"

namespace flashrnn::cuda {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view record_name = "compiler";
constexpr std::string_view record_magic = "flashrnn compiler 1";

/// What tells a file from its successor; empty if it is not there.
std::string stamp_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) return {};
  const auto time = fs::last_write_time(file, error);
  if (error) return {};
  return std::to_string(size) + ' ' + std::to_string(time.time_since_epoch().count());
}

}  // namespace

std::string known_identity(const Compiler& compiler, const fs::path& folder) {
  if (folder.empty()) return compiler.identity();
  std::ifstream record(folder / record_name);
  std::string first, identity, file, stamp;
  if (std::getline(record, first) && first == record_magic && std::getline(record, identity) &&
      std::getline(record, file) && std::getline(record, stamp) && !stamp.empty() &&
      stamp == stamp_of(file))
    return identity;
  remember_compiler(compiler, folder);
  return compiler.identity();
}

void remember_compiler(const Compiler& compiler, const fs::path& folder) {
  const fs::path file = compiler.file();
  const std::string stamp = file.empty() ? std::string() : stamp_of(file);
  if (folder.empty() || stamp.empty()) return;
  replace_file(folder / record_name,
               {record_magic, "\n", compiler.identity(), "\n", file.string(), "\n", stamp, "\n"});
}

}  // namespace flashrnn::cuda
