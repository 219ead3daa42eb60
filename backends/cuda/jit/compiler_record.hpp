// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "compiler.hpp"

namespace flashrnn::cuda {

/// A compiler's identity, remembered in a cache folder beside the size and time of the file that
/// the compiler is in: to load NVRTC, 110 MB of it, takes longer than everything else that a
/// program from the cache needs. While that file stays as it is, nobody is asked.
///
/// What is remembered may be another compiler's, which is still there: its machine code is as
/// good, but who compiles asks compiler.identity() and calls remember_compiler().
/// @throws as compiler.identity(), where it has to ask
std::string known_identity(const Compiler& compiler, const std::filesystem::path& folder);

/// Writes the record. A folder that cannot be written, or a compiler without a file: nothing.
void remember_compiler(const Compiler& compiler, const std::filesystem::path& folder);

}  // namespace flashrnn::cuda
