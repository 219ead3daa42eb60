// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bound.hpp"
#include "cases.hpp"
#include "timing.hpp"

namespace flashrnn::bench {

using Json = nlohmann::ordered_json;

/// A case of ours made ready: plan and tensors live as long as the contender.
// NOLINTNEXTLINE(bugprone-exception-escape): moving JSON does not throw
struct OwnCase {
  Contender contender;
  Json plan;    ///< describe(), and per pass kernel, tiling, predicted step, limit
  Bound bound;  ///< least time of a step that the device's model allows
};

/// An execution space of this build on the device it runs on.
class SpaceBench {
 public:
  SpaceBench() = default;
  SpaceBench(const SpaceBench&) = delete;
  SpaceBench& operator=(const SpaceBench&) = delete;
  virtual ~SpaceBench() = default;

  [[nodiscard]] virtual std::string name() const = 0;  ///< of the space: "OpenMP"
  [[nodiscard]] virtual bool cpu() const = 0;
  [[nodiscard]] virtual int threads() const = 0;  ///< 0 on a GPU
  /// "cpu AuthenticAMD 25 17", as DeviceProbe::identity.
  [[nodiscard]] virtual std::string device() const = 0;
  /// Title, identity, model, file and values of the device.
  [[nodiscard]] virtual Json device_json() const = 0;
  [[nodiscard]] virtual std::vector<std::string> backends() const = 0;
  /// Makes a case ready. @throws what Plan throws; EnvironmentError if memory lacks.
  [[nodiscard]] virtual OwnCase make(const Case& one, const std::string& backend,
                                     bool tune) const = 0;
  /// Lets every library of this process use as many threads as this space does (the BLAS library's,
  /// OpenMP's for others).
  virtual void set_threads() const = 0;
};

/// The spaces of this build, the GPU's first; on a machine of one thread OpenMP's comes once.
/// Kokkos must be initialised.
[[nodiscard]] std::vector<std::unique_ptr<SpaceBench>> all_spaces();

}  // namespace flashrnn::bench
