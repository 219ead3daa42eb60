// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "compiler.hpp"
#include "embedded_cubins.hpp"
#include "sources.hpp"

namespace flashrnn::cuda {

/// Where machine code came from.
enum class CubinOrigin { compiled, cache, embedded };

/// 128 bits, hexadecimal, over a program's text and its options, but not its compiler.
std::string program_key(const std::string& program, const std::vector<std::string>& options);
/// The same over a program's lines and all that it may include, whether it does or not. Most of
/// that is known by its digests, so that a plan of embedded kernels reads none of the texts.
std::string program_key(const Program& program, const std::vector<std::string>& options);

struct Cubin {
  std::string code;
  std::string key;  ///< hexadecimal; the same for the same code
  CubinOrigin origin = CubinOrigin::compiled;
};

/// Machine code on disk, one file per key; shared by any number of processes. A file is written
/// under a temporary name and renamed, so that nobody sees half of one. A file that is not what its
/// name promises (truncated, damaged, of another origin) counts as absent and is replaced. A folder
/// that cannot be written costs the caching and nothing else. What is embedded in the library comes
/// first: it needs neither a folder nor a compiler.
class CubinCache {
 public:
  /// An empty path: no cache.
  explicit CubinCache(std::filesystem::path folder,
                      const std::vector<EmbeddedCubin>& embedded = embedded_cubins())
      : folder_(std::move(folder)), embedded_(embedded) {}

  /// FLASHRNN_CACHE_DIR if it is set (empty: none), else flashrnn in XDG_CACHE_HOME, else in
  /// ~/.cache.
  static std::filesystem::path default_folder();

  /// The machine code of a program: embedded, from the cache, or compiled and then stored.
  /// @throws EnvironmentError as the compiler; InternalError with the compiler's log if the program
  /// does not compile.
  Cubin get(const Compiler& compiler, const std::string& program,
            const std::vector<std::string>& options) const;

  // The same in two parts, for who knows a program's key.
  /// What the library carries under a program_key(); empty if nothing.
  std::string_view embedded(std::string_view key) const;
  /// The machine code of a program that is not embedded, and whose program_key() is `own_key`.
  Cubin get_other(const Compiler& compiler, const std::string& program,
                  const std::vector<std::string>& options, const std::string& own_key) const;

 private:
  bool load(const std::string& key, std::string& code) const;
  void store(const std::string& key, const std::string& code) const;
  std::filesystem::path folder_;
  const std::vector<EmbeddedCubin>& embedded_;
};

}  // namespace flashrnn::cuda
