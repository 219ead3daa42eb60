// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine_factory.hpp"
#include "flashrnn/recurrence/make_engine.hpp"
#include "host/built_in_kernels.hpp"

namespace flashrnn {

template <class Cell, class ExecutionSpace>
std::unique_ptr<const Engine<ExecutionSpace>> make_built_in_engine(const ExecutionSpace& space,
                                                                   const Problem& problem,
                                                                   const EngineOptions& options) {
  return make_engine<Cell, host::BuiltInHostKernels>(space, problem, options);
}

}  // namespace flashrnn
