// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "flashrnn/safetensors.hpp"

namespace flashrnn::test {

/// What the program `flashrnn` did.
struct ProgramResult {
  int status = -1;  ///< exit status; 128 + n if signal n ended it
  std::string out;
  std::string err;
};

/// Runs the program with these arguments and waits for it.
[[nodiscard]] ProgramResult run_program(const std::vector<std::string>& arguments);

/// A file of the golden data.
[[nodiscard]] std::string golden(const std::string& name);

/// Fails unless `tensor` of `found` has the shape of that of `expected` and differs from it by at
/// most `tolerance` of its largest element.
void expect_near(const SafetensorsFile& found, const SafetensorsFile& expected,
                 const std::string& tensor, double tolerance);

}  // namespace flashrnn::test
