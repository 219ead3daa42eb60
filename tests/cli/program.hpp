// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
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

/// The program `flashrnn`, started with these arguments.
class RunningProgram {
 public:
  explicit RunningProgram(const std::vector<std::string>& arguments);
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;
  ~RunningProgram();

  /// Sends it a signal.
  void kill(int signal) const;
  /// Waits for its end; once.
  [[nodiscard]] ProgramResult wait();

 private:
  class Capture;
  std::unique_ptr<Capture> out_, err_;
  int child_ = 0;  ///< 0: it could not be started
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
