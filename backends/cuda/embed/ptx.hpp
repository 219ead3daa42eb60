// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

// NVRTC makes a variable in device memory of every constant of a class that a kernel reads, over a
// hundred in most kernels, none of which their instructions use. A driver spends about 6 us on each
// when it loads the program. What is embedded in the library goes without them.

namespace flashrnn::cuda {

/// `ptx` without the variables of its module that nothing in it names.
std::string without_unused_variables(std::string_view ptx);

/// Machine code of `architecture` ("sm_90a"), by the toolkit's assembler.
/// @throws std::runtime_error with what the assembler says, or why it does not run.
std::string assemble(const std::string& ptx, const std::string& architecture,
                     const std::filesystem::path& ptxas);

}  // namespace flashrnn::cuda
