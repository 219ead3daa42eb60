// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace flashrnn::cuda {

/// What a compiler makes of a program.
struct Compiled {
  bool succeeded = false;
  std::string cubin;     ///< machine code
  std::string log;       ///< diagnostics, and ptxas' figures of registers, stack and spills
  std::string ptx = {};  ///< what the machine code was assembled from
};

/// Turns a program into machine code of one architecture. An interface, so that the cache can be
/// tested without one.
class Compiler {
 public:
  Compiler() = default;
  Compiler(const Compiler&) = delete;
  Compiler& operator=(const Compiler&) = delete;
  virtual ~Compiler() = default;
  /// Everything besides program and options that decides what comes out.
  virtual std::string identity() const = 0;
  /// The file it is in, for who would rather not load it to hear its identity; empty if there is
  /// none.
  virtual std::filesystem::path file() const { return {}; }
  virtual Compiled compile(const std::string& program,
                           const std::vector<std::string>& options) const = 0;
};

/// NVRTC, loaded at the first use, so that programs which never ask for it do not need it. Needs
/// neither a GPU nor its driver.
/// @throws EnvironmentError, when it is used, if no NVRTC library is found.
const Compiler& nvrtc();

/// The options of all kernels. Division and square root are approximate (2 ulp) and denormal floats
/// are zero: far below the roundoff of the 16-bit types.
std::vector<std::string> compile_options(std::string_view architecture);

}  // namespace flashrnn::cuda
