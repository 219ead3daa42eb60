// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench_solver {

/// A text that the build was configured with, and where its loops stand.
struct ProblemFile {
  const char* path;
  std::size_t (*const* loops)(std::int64_t* rows);
};

extern const std::vector<ProblemFile> problem_files;

}  // namespace bench_solver
