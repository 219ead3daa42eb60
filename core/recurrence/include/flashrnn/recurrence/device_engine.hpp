// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <memory>
#include <sstream>
#include <string>

#include "flashrnn/recurrence/bias_gradient.hpp"
#include "flashrnn/recurrence/describe_cell.hpp"
#include "flashrnn/recurrence/engine.hpp"
#include "flashrnn/recurrence/execution_space.hpp"
#include "flashrnn/recurrence/product_recurrence.hpp"
#include "flashrnn/recurrence/resident_launch.hpp"
#include "flashrnn/recurrence/weight_gradient.hpp"
#include "flashrnn/recurrence/workspace.hpp"

namespace flashrnn {

/// The portable recurrence on GPUs. Each pass runs in one of two ways, whichever is predicted to be
/// faster: as one kernel, for heads whose R fits the registers of a team (resident kernels), or
/// step by step as matrix products of the BLAS library and a pointwise kernel, recorded when the
/// engine is made.
template <class Cell, class Storage, class ExecutionSpace>
class DeviceEngine final : public Engine<ExecutionSpace> {
 public:
  using Real = AccumulateType<Storage>;
  using Complete = CompleteCell<Cell>;
  using Resident = ResidentKernels<Cell, Storage>;

  DeviceEngine(const ExecutionSpace& space, const Problem& problem, const EngineOptions& options)
      : problem_(problem),
        note_(options.note),
        cell_(describe_cell<Cell>()),
        gemm_(make_gemm<ExecutionSpace>(space)),
        forward_choice_(
            choose_kernel(space, options.backend, problem, cell_, false, options.forward)),
        forward_tiling_(tiling_of(*forward_choice_)) {
    if (forward_tiling_.width == 0)
      product_forward_ =
          std::make_unique<ProductForward<Cell, Storage, ExecutionSpace>>(space, problem, *gemm_);
    if (!problem.training) return;
    backward_choice_ =
        choose_kernel(space, options.backend, problem, cell_, true, options.backward);
    backward_tiling_ = tiling_of(*backward_choice_);
    if (backward_tiling_.width == 0)
      product_backward_ =
          std::make_unique<ProductBackward<Cell, Storage, ExecutionSpace>>(space, problem, *gemm_);
  }

  const CellDescription& cell() const override { return cell_; }
  const TileChoice* tiling(bool backward) const override {
    return backward ? backward_choice_.get() : forward_choice_.get();
  }

  std::string describe() const override {
    std::ostringstream out;
    out << "portable recurrence on Kokkos::" << ExecutionSpace::name() << '\n';
    if (!note_.empty()) out << "  because " << note_ << '\n';
    const auto line = [&](const char* pass, const ResidentTiling& tiling, const TileChoice& choice,
                          std::size_t held) {
      out << pass << ": " << (tiling.width > 0 ? text(tiling) : text(held)) << "\n  "
          << flashrnn::describe(choice) << '\n';
    };
    line("forward", forward_tiling_, *forward_choice_,
         product_forward_ ? product_forward_->bytes() : 0);
    if (problem_.training)
      line("backward", backward_tiling_, *backward_choice_,
           product_backward_ ? product_backward_->bytes() : 0);
    return out.str();
  }

  std::size_t reserve_bytes() const override {
    const Shape& s = problem_.shape;
    return problem_.training
               ? sizeof(Storage) * static_cast<std::size_t>(Complete::saved * s.steps * s.batch *
                                                            s.heads * s.head_dim)
               : 0;
  }
  std::size_t forward_workspace_bytes() const override { return 0; }
  std::size_t backward_workspace_bytes() const override {
    return problem_.training ? BackwardWorkspace(*this, nullptr).bytes : 0;
  }

  void forward(const ExecutionSpace& space, const ForwardTensors& tensors) const override {
    ForwardArguments<Cell, Storage> arguments;
    arguments.shape = problem_.shape;
    arguments.options = kernel_options<Storage, Real>(problem_);
    arguments.matrix = static_cast<const Storage*>(tensors.R.data);
    arguments.matrix_strides = *tensors.R.strides;
    arguments.x = typed<Storage>(tensors.x);
    arguments.b = typed<Storage>(tensors.b);
    arguments.s0 = typed<Storage>(tensors.s0);
    arguments.states = typed<Storage>(tensors.states);
    arguments.h = typed<Storage>(tensors.h);
    arguments.last = typed<Storage>(tensors.last);
    arguments.saved =
        problem_.training && Complete::saved > 0 ? static_cast<Storage*>(tensors.reserve) : nullptr;
    arguments.saved_strides = state_sequence_strides(problem_.shape, SequenceOrder::time_major);
    if (product_forward_) {
      product_forward_->enqueue(space, arguments);
    } else {
      Resident::Forward::launch(space, forward_tiling_, arguments);
    }
  }

  void backward(const ExecutionSpace& space, const BackwardTensors& tensors) const override {
    const BackwardWorkspace workspace(*this, tensors.workspace);
    const Shape& shape = problem_.shape;
    BackwardArguments<Cell, Storage> arguments;
    arguments.shape = shape;
    arguments.options = kernel_options<Storage, Real>(problem_);
    arguments.matrix = static_cast<const Storage*>(tensors.R.data);
    arguments.matrix_strides = *tensors.R.strides;
    arguments.s0 = typed<Storage>(tensors.s0);
    arguments.states = typed<Storage>(tensors.states);
    arguments.saved = static_cast<const Storage*>(tensors.reserve);
    arguments.saved_strides = state_sequence_strides(shape, SequenceOrder::time_major);
    arguments.dh = typed<Storage>(tensors.dh);
    arguments.d_last = typed<Storage>(tensors.d_last);
    arguments.ds0 = typed<Storage>(tensors.ds0);
    arguments.db_partial = tensors.db.data != nullptr ? workspace.db_partial : nullptr;
    place_gate_gradients(tensors, workspace.gate_gradients, arguments);
    if (product_backward_) {
      product_backward_->enqueue(space, arguments);
    } else {
      Resident::Backward::launch(space, backward_tiling_, arguments);
    }
    if (tensors.db.data != nullptr)
      sum_bias_gradient(space, shape, cell_.bias_gates, shape.batch, workspace.db_partial,
                        static_cast<Storage*>(tensors.db.data), *tensors.db.strides);
    if (tensors.dR.data != nullptr) {
      constexpr int gates = count_gates(Cell::recurrent_gates);
      TypedTensor<Storage> recurrent[Cell::gates];
      for (int n = 0; n < Cell::gates; ++n)
        if (has_gate(Cell::recurrent_gates, n))
          recurrent[gate_position(Cell::recurrent_gates, n)] = {
              arguments.d_gate[n],
              arguments.d_gate_strides[has_gate(Cell::input_gates, n) ? 0 : 1]};
      weight_gradient().run(space, gates, recurrent, arguments.states, arguments.s0,
                            static_cast<Storage*>(tensors.dR.data), *tensors.dR.strides,
                            workspace.dR_sums, workspace.gemm);
    }
  }

 private:
  struct BackwardWorkspace {
    BackwardWorkspace(const DeviceEngine& engine, void* base) {
      const Shape& s = engine.problem_.shape;
      const auto units = static_cast<std::size_t>(s.heads * s.head_dim);
      WorkspaceDivider divide(base);
      gate_gradients =
          divide.take<Storage>(static_cast<std::size_t>(Cell::gates * s.steps * s.batch) * units);
      db_partial =
          divide.take<Real>(static_cast<std::size_t>(s.batch * engine.cell_.bias_gates) * units);
      const auto weights = engine.weight_gradient();
      dR_sums = divide.take<Real>(weights.sum_elements(engine.cell_.recurrent_gates));
      gemm = divide.take<char>(weights.gemm_workspace_bytes());
      bytes = divide.used();
    }
    Storage* gate_gradients;
    Real* db_partial;
    Real* dR_sums;
    char* gemm;
    std::size_t bytes;
  };

  /// Width 0: matrix products.
  static ResidentTiling tiling_of(const TileChoice& choice) {
    return choice.kernel == "resident_gpu" ? resident_tiling(choice.best()) : ResidentTiling{};
  }

  static std::string text(const ResidentTiling& tiling) {
    return "one kernel, R in registers; teams of " + std::to_string(tiling.team_size) +
           " threads, each with one head and " + std::to_string(tiling.batch_tile) +
           " row(s) of the batch";
  }
  static std::string text(std::size_t bytes) {
    return "per step a matrix product and a pointwise kernel, recorded in a graph; the plan "
           "holds " +
           std::to_string(bytes) + " bytes of device memory";
  }

  WeightGradient<ExecutionSpace, Storage> weight_gradient() const { return {problem_, *gemm_}; }

  /// A gate with an input writes its gradient straight into dx, if the caller wants dx; otherwise
  /// into the workspace. No gate is stored for nothing.
  void place_gate_gradients(const BackwardTensors& tensors, Storage* own_memory,
                            BackwardArguments<Cell, Storage>& arguments) const {
    const Strides own = state_sequence_strides(problem_.shape, SequenceOrder::time_major);
    const bool into_dx = tensors.dx.data != nullptr;
    arguments.d_gate_strides[0] = into_dx ? *tensors.dx.strides : own;
    arguments.d_gate_strides[1] = own;
    for (int n = 0; n < Cell::gates; ++n) {
      if (into_dx && has_gate(Cell::input_gates, n)) {
        arguments.d_gate[n] = static_cast<Storage*>(tensors.dx.data) +
                              tensors.dx.strides->at(gate_position(Cell::input_gates, n), 0, 0, 0);
      } else if (tensors.dR.data != nullptr && has_gate(Cell::recurrent_gates, n)) {
        arguments.d_gate[n] = own_memory + own.at(n, 0, 0, 0);
      }
    }
  }

  Problem problem_;
  std::string note_;
  CellDescription cell_;
  std::unique_ptr<Gemm<ExecutionSpace>> gemm_;
  std::shared_ptr<const TileChoice> forward_choice_, backward_choice_;
  ResidentTiling forward_tiling_, backward_tiling_;
  std::unique_ptr<ProductForward<Cell, Storage, ExecutionSpace>> product_forward_;
  std::unique_ptr<ProductBackward<Cell, Storage, ExecutionSpace>> product_backward_;
};

}  // namespace flashrnn
