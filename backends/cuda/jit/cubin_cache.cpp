// SPDX-License-Identifier: Apache-2.0
#include "cubin_cache.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "compiler_record.hpp"
#include "flashrnn/error.hpp"
#include "hash.hpp"
#include "replace_file.hpp"

namespace flashrnn::cuda {
namespace {

namespace fs = std::filesystem;

// A file is the magic, the key, the checksum of the code, and the code to the end.
constexpr std::string_view magic = "flashrnn cubin 2\n";
constexpr std::size_t hash_letters = 2 * sizeof(Hash);
constexpr std::size_t header_bytes = magic.size() + 2 * hash_letters;

Hash hash_of(const std::vector<std::string>& options) {
  Hasher hasher;
  for (const std::string& option : options) hasher.add(option + '\n');
  return hasher.finish();
}

}  // namespace

std::string program_key(const std::string& program, const std::vector<std::string>& options) {
  return hexadecimal(hash(program, hash_of(options)));
}

std::string program_key(const Program& program, const std::vector<std::string>& options) {
  Hasher hasher(hash_of(options));
  // Each with its size, so that no two programs are the same sequence of letters.
  const auto add = [&hasher](std::string_view text) {
    hasher.add(std::to_string(text.size()) + ' ');
    hasher.add(text);
  };
  add(program.lines);
  for (const Source& source : program.sources) {
    add(source.name);
    add(source.digest.empty() ? source.text : source.digest);
  }
  return hexadecimal(hasher.finish());
}

fs::path CubinCache::default_folder() {
  if (const char* const own = std::getenv("FLASHRNN_CACHE_DIR")) return own;
  if (const char* const xdg = std::getenv("XDG_CACHE_HOME"))
    if (xdg[0] == '/') return fs::path(xdg) / "flashrnn";
  if (const char* const home = std::getenv("HOME"))
    if (home[0] == '/') return fs::path(home) / ".cache" / "flashrnn";
  return {};
}

std::string_view CubinCache::embedded(std::string_view key) const {
  const auto found = std::ranges::lower_bound(embedded_, key, {}, &EmbeddedCubin::key);
  return found != embedded_.end() && found->key == key ? found->code : std::string_view();
}

bool CubinCache::load(const std::string& key, std::string& code) const {
  std::ifstream file(folder_ / (key + ".cubin"), std::ios::binary);
  if (!file) return false;
  std::string header(header_bytes, '\0');
  file.read(header.data(), static_cast<std::streamsize>(header_bytes));
  if (!file || header.compare(0, magic.size(), magic) != 0 ||
      header.compare(magic.size(), hash_letters, key) != 0)
    return false;
  std::string body(std::istreambuf_iterator<char>(file), {});
  if (body.empty() ||
      header.compare(magic.size() + hash_letters, hash_letters, hexadecimal(hash(body))) != 0)
    return false;
  code = std::move(body);
  return true;
}

void CubinCache::store(const std::string& key, const std::string& code) const {
  replace_file(folder_ / (key + ".cubin"), {magic, key, hexadecimal(hash(code)), code});
}

Cubin CubinCache::get(const Compiler& compiler, const std::string& program,
                      const std::vector<std::string>& options) const {
  const std::string key = program_key(program, options);
  const std::string_view code = embedded(key);
  if (!code.empty()) return {std::string(code), key, CubinOrigin::embedded};
  return get_other(compiler, program, options, key);
}

Cubin CubinCache::get_other(const Compiler& compiler, const std::string& program,
                            const std::vector<std::string>& options,
                            const std::string& own_key) const {
  Cubin out;
  const auto found = [&](const std::string& identity) {
    out.key = hexadecimal(hash(identity + '\n' + own_key));
    if (folder_.empty() || !load(out.key, out.code)) return false;
    out.origin = CubinOrigin::cache;
    return true;
  };
  const std::string known = known_identity(compiler, folder_);
  if (found(known)) return out;
  if (known != compiler.identity()) {
    remember_compiler(compiler, folder_);
    if (found(compiler.identity())) return out;
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
