// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace flashrnn::bench {

using Json = nlohmann::ordered_json;

/// Versions of everything that was measured with: flashrnn, compiler, kokkos, blas, …
[[nodiscard]] Json versions();

/// Host: operating system, processors that this process may use, load averages of 1, 5 and 15
/// minutes, clocks of the processors where the system tells them (MHz; null where not), and of
/// NVIDIA devices what nvidia-smi says.
[[nodiscard]] Json machine_state();

/// The load average of the last minute, or -1 where the system does not say.
[[nodiscard]] double load();

/// "2026-11-25T20:15:00Z".
[[nodiscard]] std::string now();

}  // namespace flashrnn::bench
