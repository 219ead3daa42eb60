// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "constrint/options.hpp"

namespace constrint::cli {

/// A command line that cannot be understood, or a file that cannot be read.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Arguments {
  std::string command;
  std::vector<std::string> files;
  bool help = false;
  bool json = false;
  bool all = false;
  std::uint64_t first = 1;
  bool first_given = false;
  std::uint64_t samples = 1;
  std::uint64_t seed = 0;
  Options options;
};

/// Throws UsageError.
Arguments parse_arguments(int argc, char** argv);

extern const char* const kUsage;

}  // namespace constrint::cli
