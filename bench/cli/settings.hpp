// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cases.hpp"
#include "timing.hpp"

namespace flashrnn::bench {

/// What `flashrnn bench` was asked for.
struct Settings {
  Selection selection;
  std::vector<std::string> spaces;    ///< Cuda, HIP, OpenMP, Serial; empty: all of the build
  std::vector<std::string> backends;  ///< kokkos, cuda; empty: all that there are for a space
  TimingOptions timing;
  double time_limit = 0;  ///< seconds after which no further case starts; 0: none
  bool peers = true;
  bool tune = false;
  std::string out;  ///< empty: no file
};

/// Measures what was asked for, with progress on stderr; prints rules, machine and a table to
/// stdout, and keeps the file up to date after every case. Kokkos must be initialised.
void run_benchmarks(const Settings& settings);

/// Prints the cases that run_benchmarks() would time, a line each.
void list_cases(const Settings& settings);

/// Prints the largest head that runs in one kernel for the whole sequence, for every device model.
void print_largest_fused(bool json);

}  // namespace flashrnn::bench
