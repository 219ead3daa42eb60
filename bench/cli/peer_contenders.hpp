// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cases.hpp"
#include "timing.hpp"

namespace flashrnn::bench {

/// Another library made ready for a case.
struct PeerContender {
  std::string name;
  Contender whole;
  std::optional<Contender> projection;  ///< what to take out of it
};

/// The peers that this build has for a case in a space of that kind; none for a cell, type or pass
/// that they do not know.
[[nodiscard]] std::vector<PeerContender> peers_of(const Case& one, bool cpu);

}  // namespace flashrnn::bench
