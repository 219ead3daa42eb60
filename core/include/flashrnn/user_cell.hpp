// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/plan.hpp"
#include "flashrnn/recurrence/make_engine.hpp"
#include "flashrnn/recurrence/tune.hpp"

namespace flashrnn {

template <class ExecutionSpace>
template <class Cell, class... Storage>
Plan<ExecutionSpace> Plan<ExecutionSpace>::for_cell(const ExecutionSpace& space, Problem problem,
                                                    const PlanOptions& options) {
  using Types =
      std::conditional_t<sizeof...(Storage) == 0, AllStorageTypes, StorageTypes<Storage...>>;
  if constexpr (CheckedCell<Cell>::valid) {
    const CellDescription cell = describe_cell<Cell>();
    problem.cell = cell.name;
    validate(problem, cell);
    Tuner<ExecutionSpace> tuner(
        space, [&space](const Problem& wanted, const EngineOptions& engine_options) {
          return make_engine<Cell, host::OwnHostKernels, Types>(space, wanted, engine_options);
        });
    auto engine = tuner.make(problem, options);
    return Plan(problem, std::move(engine), tuner.report());
  } else {
    return Plan(problem, nullptr);  // never runs: compilation has failed with the reason
  }
}

}  // namespace flashrnn
