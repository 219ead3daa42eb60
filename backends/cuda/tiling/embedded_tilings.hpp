// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "flashrnn/recurrence/known_tilings.hpp"

namespace flashrnn::cuda {

/// Answers of the tile search for the problems whose machine code is embedded in the library, on
/// every device with a model of its own that runs it; in order of their questions. Written by
/// embed_cubins; empty in a program that was built without (no_embedded_cubins.cpp).
const std::vector<KnownTiling>& embedded_tilings();

/// Tells the tile search, at the first call.
void use_embedded_tilings();

}  // namespace flashrnn::cuda
