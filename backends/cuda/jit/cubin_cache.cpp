// SPDX-License-Identifier: Apache-2.0
#include "cubin_cache.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "flashrnn/error.hpp"

namespace flashrnn::cuda {
namespace {

namespace fs = std::filesystem;

/// FNV-1a of 64 bits (public domain, G. Fowler, L. C. Noll, K.-P. Vo), from a given start, but by 8
/// bytes at a time, with the upper half, which a product does not carry down, folded in: a program
/// is 200 KB of text, and plans are made at run time.
std::uint64_t hash(std::string_view text, std::uint64_t start) {
  std::uint64_t value = start ^ text.size();
  const auto take = [&](const char* from, std::size_t count) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, count);
    value = (value ^ word) * 0x100000001b3ull;
    value ^= value >> 32;
  };
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) take(text.data() + at, 8);
  if (at < text.size()) take(text.data() + at, text.size() - at);
  return value;
}
constexpr std::uint64_t first_start = 0xcbf29ce484222325ull, second_start = 0x9e3779b97f4a7c15ull;

std::string hexadecimal(std::uint64_t value) {
  std::string out(16, '0');
  for (int n = 15; n >= 0; --n, value >>= 4)
    out[static_cast<std::size_t>(n)] = "0123456789abcdef"[value & 15u];
  return out;
}

/// 128 bits over everything that decides the machine code.
std::string key_of(const Compiler& compiler, const std::string& program) {
  const std::string all = compiler.identity() + '\n' + program;
  return hexadecimal(hash(all, first_start)) + hexadecimal(hash(all, second_start));
}

// A file is the magic, the key, the checksum of the code, and the code to the end.
constexpr std::string_view magic = "flashrnn cubin 1\n";

}  // namespace

std::string program_key(const std::string& program, const std::vector<std::string>& options) {
  std::string all;
  for (const std::string& option : options) all += option + '\n';
  all += '\0' + program;
  return hexadecimal(hash(all, first_start)) + hexadecimal(hash(all, second_start));
}

fs::path CubinCache::default_folder() {
  if (const char* const own = std::getenv("FLASHRNN_CACHE_DIR")) return own;
  if (const char* const xdg = std::getenv("XDG_CACHE_HOME"))
    if (xdg[0] == '/') return fs::path(xdg) / "flashrnn";
  if (const char* const home = std::getenv("HOME"))
    if (home[0] == '/') return fs::path(home) / ".cache" / "flashrnn";
  return {};
}

bool CubinCache::load(const std::string& key, std::string& code) const {
  std::ifstream file(folder_ / (key + ".cubin"), std::ios::binary);
  if (!file) return false;
  std::ostringstream bytes;
  bytes << file.rdbuf();
  const std::string all = bytes.str();
  const std::size_t header = magic.size() + 32 + 16;
  if (all.size() <= header || all.compare(0, magic.size(), magic) != 0 ||
      all.compare(magic.size(), 32, key) != 0)
    return false;
  const std::string_view body = std::string_view(all).substr(header);
  if (all.compare(magic.size() + 32, 16, hexadecimal(hash(body, first_start))) != 0) return false;
  code = body;
  return true;
}

void CubinCache::store(const std::string& key, const std::string& code) const {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return;
  // Unique among processes by the process, within one by the counter.
  static std::atomic<unsigned> counter{0};
  const fs::path temporary =
      folder_ / (key + "." + std::to_string(getpid()) + "." + std::to_string(counter++) + ".tmp");
  {
    std::ofstream file(temporary, std::ios::binary);
    file << magic << key << hexadecimal(hash(code, first_start)) << code;
    file.close();
    if (!file) {
      fs::remove(temporary, error);
      return;
    }
  }
  fs::rename(temporary, folder_ / (key + ".cubin"), error);
  if (error) fs::remove(temporary, error);
}

Cubin CubinCache::get(const Compiler& compiler, const std::string& program,
                      const std::vector<std::string>& options) const {
  Cubin out;
  const std::string program_part = program_key(program, options);
  const auto found = std::lower_bound(
      embedded_.begin(), embedded_.end(), program_part,
      [](const EmbeddedCubin& one, const std::string& key) { return one.key < key; });
  if (found != embedded_.end() && found->key == program_part) {
    out.key = program_part;
    out.code = found->code;
    out.origin = CubinOrigin::embedded;
    return out;
  }
  out.key = key_of(compiler, program_part);
  if (!folder_.empty() && load(out.key, out.code)) {
    out.origin = CubinOrigin::cache;
    return out;
  }
  Compiled compiled = compiler.compile(program, options);
  if (!compiled.succeeded)
    throw InternalError("a kernel does not compile (" + compiler.identity() + "):\n" +
                        compiled.log);
  out.code = std::move(compiled.cubin);
  if (!folder_.empty()) store(out.key, out.code);
  return out;
}

}  // namespace flashrnn::cuda
