// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

extern char** environ;

namespace flashrnn::test {
namespace {

/// The environment's word where it says one: a program can be tested on another machine than the
/// one that built it.
std::string named_or(const char* variable, const char* built_in) {
  const char* named = std::getenv(variable);
  return named != nullptr ? named : built_in;
}

}  // namespace

/// A file without a name that takes what the program prints.
class RunningProgram::Capture {
 public:
  Capture() : file_(std::tmpfile()) {}
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() {
    if (file_ != nullptr) std::fclose(file_);
  }

  [[nodiscard]] int descriptor() const { return ::fileno(file_); }

  [[nodiscard]] std::string text() const {
    std::string text;
    std::rewind(file_);
    for (int character = std::fgetc(file_); character != EOF; character = std::fgetc(file_)) {
      text += static_cast<char>(character);
    }
    return text;
  }

 private:
  std::FILE* file_;
};

RunningProgram::RunningProgram(const std::vector<std::string>& arguments)
    : out_(std::make_unique<Capture>()), err_(std::make_unique<Capture>()) {
  std::vector<std::string> words{named_or("FLASHRNN_PROGRAM", FLASHRNN_PROGRAM)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out_->descriptor(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err_->descriptor(), STDERR_FILENO);
  const int error = ::posix_spawn(&child_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    ADD_FAILURE() << "cannot start " << argv[0];
    child_ = 0;
  }
}

RunningProgram::~RunningProgram() = default;

void RunningProgram::kill(int signal) const {
  if (child_ != 0) ::kill(child_, signal);
}

ProgramResult RunningProgram::wait() {
  ProgramResult result;
  if (child_ == 0) return result;
  int status = 0;
  ::waitpid(child_, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = out_->text();
  result.err = err_->text();
  return result;
}

ProgramResult run_program(const std::vector<std::string>& arguments) {
  return RunningProgram(arguments).wait();
}

std::string golden(const std::string& name) {
  return (std::filesystem::path(named_or("FLASHRNN_GOLDEN_DATA", FLASHRNN_GOLDEN_DATA)) / name)
      .string();
}

void expect_near(const SafetensorsFile& found, const SafetensorsFile& expected,
                 const std::string& tensor, double tolerance) {
  const TensorView* wanted = expected.find(tensor);
  const TensorView* got = found.find(tensor);
  ASSERT_NE(wanted, nullptr) << tensor;
  ASSERT_NE(got, nullptr) << tensor;
  ASSERT_EQ(got->shape, wanted->shape) << tensor;
  const std::vector<double> a = to_vector<double>(*got);
  const std::vector<double> b = to_vector<double>(*wanted);
  double largest = 0;
  for (const double value : b) largest = std::max(largest, std::fabs(value));
  for (std::size_t i = 0; i < a.size(); ++i) {
    // Negated, so that a NaN fails.
    if (!(std::fabs(a[i] - b[i]) <= tolerance * largest)) {
      ADD_FAILURE() << tensor << " element " << i << ": found " << a[i] << ", expected " << b[i]
                    << ", tolerance " << tolerance * largest;
      return;
    }
  }
}

}  // namespace flashrnn::test
