// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "statistics.hpp"

namespace flashrnn::bench {

using Json = nlohmann::ordered_json;

/// Version of the files' format; a reader refuses any other. docs/benchmarks.md has the keys.
inline constexpr int results_version = 1;

/// Times as a file has them, and back. @throws InvalidArgument (of nlohmann: Json::exception) if
/// a key lacks or has another type.
[[nodiscard]] Json json_of(const Times& times);
[[nodiscard]] Times times_from(const Json& json);

/// What another library took for the same case.
struct PeerResult {
  std::string name;
  Times times;                      ///< the whole call
  std::optional<Times> projection;  ///< the input projection within it, measured apart
  /// Microseconds per call without the projection; nothing if that is not above zero.
  [[nodiscard]] std::optional<double> net() const;
};

/// A measured case as a file has it.
// NOLINTNEXTLINE(bugprone-exception-escape): moving JSON does not throw
struct CaseResult {
  std::vector<std::string> sweeps;
  std::string cell, dtype, pass, backend, space, device;
  long long head_dim = 0, heads = 0, batch = 0, steps = 0;
  int threads = 0;  ///< 0 on a GPU
  Times times;
  double bound_step_us = 0;
  std::string bound_by;
  double load = -1;
  Json plan;
  std::vector<PeerResult> peers;

  [[nodiscard]] double step_us() const { return times.median / static_cast<double>(steps); }
  /// "lstm float32 64x12 B16 T512 inference": what is computed.
  [[nodiscard]] std::string problem() const;
  /// "kokkos OpenMP 2 threads": where and how.
  [[nodiscard]] std::string place() const;
};

/// A file of results.
// NOLINTNEXTLINE(bugprone-exception-escape): moving JSON does not throw
struct Results {
  std::string label;      ///< for tables: the file's name without folder and ending
  bool complete = false;  ///< false: the run was interrupted or met its time limit
  std::string created;
  Json settings, rules, machine, versions, devices, skipped;
  std::vector<CaseResult> cases;

  /// The device's title for an identity; the identity where the file does not say.
  [[nodiscard]] std::string device_title(const std::string& identity) const;
};

[[nodiscard]] Json json_of(const CaseResult& result);

/// The text of a file: one case a line, so that it can be read and compared line by line.
[[nodiscard]] std::string format_results(const Results& results);

/// Reads and checks a file. @throws EnvironmentError if it cannot be read, InvalidArgument naming
/// the file if it is no JSON, of another format or version, or lacks something.
[[nodiscard]] Results read_results(const std::string& path);

}  // namespace flashrnn::bench
