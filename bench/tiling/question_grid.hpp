// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {

/// Takes a question and its name for people.
using AskQuestion = std::function<void(const TileQuestion& question, const std::string& text)>;

/// Asks a kernel's questions for all models of devices that it is for (or the one named): a grid of
/// shapes, all cells, two types, inference and training forward and backward.
void ask_grid(const KernelText& kernel, const std::string& only_device, const AskQuestion& ask);

}  // namespace flashrnn
