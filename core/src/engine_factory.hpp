// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "flashrnn/recurrence/engine.hpp"

namespace flashrnn {

/// Engines of one built-in cell. Defined in src/cells/<cell>.cpp, one file per cell.
template <class Cell, class ExecutionSpace>
std::unique_ptr<const Engine<ExecutionSpace>> make_built_in_engine(const ExecutionSpace& space,
                                                                   const Problem& problem,
                                                                   const EngineOptions& options);

}  // namespace flashrnn
