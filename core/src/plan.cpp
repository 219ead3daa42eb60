// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/plan.hpp"

#include <sstream>

#include "engine_factory.hpp"
#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/tune.hpp"
#include "instantiate.hpp"
#include "tensor_checks.hpp"

namespace flashrnn {
namespace {

template <class ExecutionSpace, class... Cells>
std::unique_ptr<const Engine<ExecutionSpace>> find_engine(const ExecutionSpace& space,
                                                          const Problem& problem,
                                                          const EngineOptions& options) {
  std::unique_ptr<const Engine<ExecutionSpace>> engine;
  const bool found =
      ((problem.cell == Cells::name &&
        (engine = make_built_in_engine<Cells, ExecutionSpace>(space, problem, options), true)) ||
       ...);
  if (!found) throw InternalError("plan: the built-in cell " + problem.cell + " has no engine");
  return engine;
}

}  // namespace

template <class ExecutionSpace>
Plan<ExecutionSpace>::Plan(const ExecutionSpace& space, const Problem& problem,
                           const PlanOptions& options)
    : problem_(problem) {
  validate(problem);
  Tuner<ExecutionSpace> tuner(
      space, [&space](const Problem& wanted, const EngineOptions& engine_options) {
        return find_engine<ExecutionSpace, Elman, ElmanRelu, Lstm, Gru, Slstm>(space, wanted,
                                                                               engine_options);
      });
  engine_ = tuner.make(problem, options);
  tuning_ = tuner.report();
}

template <class ExecutionSpace>
std::string Plan<ExecutionSpace>::describe() const {
  const Shape& s = problem_.shape;
  std::ostringstream out;
  out << cell().name << ' ' << name_of(problem_.dtype) << ": " << s.steps << " steps, batch "
      << s.batch << ", " << s.heads << " head(s) of " << s.head_dim
      << (problem_.training ? ", training" : ", inference") << '\n'
      << engine_->describe() << tuning_ << "workspace: forward " << forward_workspace_bytes()
      << " bytes, backward " << backward_workspace_bytes() << " bytes; kept for backward "
      << reserve_bytes() << " bytes\n";
  return out.str();
}

template <class ExecutionSpace>
void Plan<ExecutionSpace>::forward(const ExecutionSpace& space,
                                   const ForwardTensors& tensors) const {
  engine_->forward(space,
                   checked(problem_, cell(), reserve_bytes(), forward_workspace_bytes(), tensors));
}

template <class ExecutionSpace>
void Plan<ExecutionSpace>::backward(const ExecutionSpace& space,
                                    const BackwardTensors& tensors) const {
  engine_->backward(
      space, checked(problem_, cell(), reserve_bytes(), backward_workspace_bytes(), tensors));
}

#define FLASHRNN_INSTANTIATE(space) template class Plan<space>;
FLASHRNN_FOR_EACH_EXECUTION_SPACE(FLASHRNN_INSTANTIATE)
#undef FLASHRNN_INSTANTIATE

}  // namespace flashrnn
