// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "results.hpp"

namespace flashrnn::bench {

/// PeerResult::net(), or nothing if that is less than half the time that the device's bound allows
/// (half, because a model's clock and rates may be low): then the peer did not do the work, or the
/// projection that was taken out is not the one within it, and no ratio should be made of it.
[[nodiscard]] inline std::optional<double> believable_net(const CaseResult& one,
                                                          const PeerResult& peer) {
  const auto net = peer.net();
  const double bound = one.bound_step_us * static_cast<double>(one.steps);
  return net && *net >= bound / 2 ? net : std::nullopt;
}

}  // namespace flashrnn::bench
