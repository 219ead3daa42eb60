// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "constrint/constrint.hpp"

namespace constrint::cli {

/// A string as JSON.
std::string quoted(std::string_view text);
std::string_view name_of(Status status);

/// Writes solutions to the standard output one by one, as an array of JSON objects or as lines.
class SolutionWriter {
 public:
  SolutionWriter(const Model& model, bool json);
  void write(std::span<const std::int64_t> values);
  /// Writes what is still buffered.
  void flush();
  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  const bool json_;
  std::string buffer_;
  std::vector<std::string> names_;
  std::uint64_t written_ = 0;
};

}  // namespace constrint::cli
