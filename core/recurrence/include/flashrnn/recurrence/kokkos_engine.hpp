// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <memory>
#include <sstream>
#include <type_traits>

#include "flashrnn/recurrence/backward_kernel.hpp"
#include "flashrnn/recurrence/bias_gradient.hpp"
#include "flashrnn/recurrence/describe_cell.hpp"
#include "flashrnn/recurrence/engine.hpp"
#include "flashrnn/recurrence/execution_space.hpp"
#include "flashrnn/recurrence/forward_kernel.hpp"
#include "flashrnn/recurrence/pack.hpp"
#include "flashrnn/recurrence/weight_gradient.hpp"
#include "flashrnn/recurrence/workspace.hpp"

namespace flashrnn {

/// The portable recurrence in the execution spaces of the host (GPUs: DeviceEngine).
template <class Cell, class Storage, class ExecutionSpace>
class KokkosEngine final : public Engine<ExecutionSpace> {
 public:
  using Real = AccumulateType<Storage>;
  using Complete = CompleteCell<Cell>;
  static constexpr int unit_tile = flashrnn::unit_tile<is_gpu<ExecutionSpace>>;
  /// The text with its tiling constraints.
  static constexpr const char* kernel_text = "portable_cpu";
  template <int batch_tile>
  using Forward = ForwardKernel<Cell, Storage, batch_tile, unit_tile>;
  template <int batch_tile>
  using Backward = BackwardKernel<Cell, Storage, batch_tile, unit_tile>;

  KokkosEngine(const ExecutionSpace& space, const Problem& problem, const EngineOptions& options)
      : problem_(problem),
        cell_(describe_cell<Cell>()),
        note_(options.note),
        padded_(round_up(problem.shape.head_dim, unit_tile)),
        forward_choice_(choose_tiling(space, kernel_text, problem, cell_, false, options.forward)),
        forward_tiling_(portable_tiling(forward_choice_->best())),
        gemm_(problem.training ? make_gemm<ExecutionSpace>(space) : nullptr) {
    if (!problem.training) return;
    backward_choice_ = choose_tiling(space, kernel_text, problem, cell_, true, options.backward);
    backward_tiling_ = portable_tiling(backward_choice_->best());
  }

  const CellDescription& cell() const override { return cell_; }
  const TileChoice* tiling(bool backward) const override {
    return backward ? backward_choice_.get() : forward_choice_.get();
  }

  std::string describe() const override {
    std::ostringstream out;
    out << "portable recurrence on Kokkos::" << ExecutionSpace::name() << '\n';
    if (!note_.empty()) out << "  because " << note_ << '\n';
    const auto line = [&](const char* pass, const Tiling& tiling, const TileChoice& choice) {
      out << pass << ": teams of " << tiling.team_size << " thread(s), each with one head and "
          << tiling.batch_tile << " row(s) of the batch; states of the tile in "
          << (tiling.team_memory ? "the team's fast memory" : "the workspace") << '\n'
          << "  " << flashrnn::describe(choice) << '\n';
    };
    line("forward", forward_tiling_, *forward_choice_);
    if (problem_.training) line("backward", backward_tiling_, *backward_choice_);
    return out.str();
  }

  std::size_t reserve_bytes() const override {
    const Shape& s = problem_.shape;
    return problem_.training
               ? sizeof(Storage) * static_cast<std::size_t>(Complete::saved * s.steps * s.batch *
                                                            s.heads * s.head_dim)
               : 0;
  }
  std::size_t forward_workspace_bytes() const override {
    return ForwardWorkspace(*this, nullptr).bytes;
  }
  std::size_t backward_workspace_bytes() const override {
    return problem_.training ? BackwardWorkspace(*this, nullptr).bytes : 0;
  }

  void forward(const ExecutionSpace& space, const ForwardTensors& tensors) const override {
    with_batch_tile(forward_tiling_, [&]<int batch_tile>() {
      const ForwardWorkspace workspace(*this, tensors.workspace);
      const Shape& shape = problem_.shape;
      if (!tensors.R_is_prepared)
        pack_recurrent_matrix(space, shape, cell_.recurrent_gates, padded_,
                              static_cast<const Storage*>(tensors.R.data), *tensors.R.strides,
                              workspace.packed_matrix);
      Forward<batch_tile> kernel;
      kernel.shape = shape;
      kernel.batch_tiles = tiles_of_batch(batch_tile);
      kernel.padded = padded_;
      kernel.options = kernel_options<Storage, Real>(problem_);
      kernel.memory = {workspace.tiles, tile_bytes(Forward<1>::bytes_per_row(padded_), batch_tile)};
      kernel.x = typed(tensors.x);
      kernel.packed_matrix = workspace.packed_matrix;
      kernel.b = typed(tensors.b);
      kernel.s0 = typed(tensors.s0);
      kernel.states = typed(tensors.states);
      kernel.h = typed(tensors.h);
      kernel.last = typed(tensors.last);
      kernel.saved = problem_.training ? static_cast<Storage*>(tensors.reserve) : nullptr;
      kernel.saved_strides = state_sequence_strides(shape, SequenceOrder::time_major);
      launch(space, "flashrnn::forward", forward_tiling_, kernel);
    });
  }

  void backward(const ExecutionSpace& space, const BackwardTensors& tensors) const override {
    with_batch_tile(backward_tiling_, [&]<int batch_tile>() {
      const BackwardWorkspace workspace(*this, tensors.workspace);
      const Shape& shape = problem_.shape;
      Backward<batch_tile> kernel;
      kernel.shape = shape;
      kernel.batch_tiles = tiles_of_batch(batch_tile);
      kernel.padded = padded_;
      kernel.options = kernel_options<Storage, Real>(problem_);
      kernel.memory = {workspace.tiles,
                       tile_bytes(Backward<1>::bytes_per_row(padded_), batch_tile)};
      kernel.matrix = static_cast<const Storage*>(tensors.R.data);
      kernel.matrix_strides = *tensors.R.strides;
      kernel.s0 = typed(tensors.s0);
      kernel.states = typed(tensors.states);
      kernel.saved = static_cast<const Storage*>(tensors.reserve);
      kernel.saved_strides = state_sequence_strides(shape, SequenceOrder::time_major);
      kernel.dh = typed(tensors.dh);
      kernel.d_last = typed(tensors.d_last);
      kernel.ds0 = typed(tensors.ds0);
      kernel.db_partial = tensors.db.data != nullptr ? workspace.db_partial : nullptr;
      place_gate_gradients(tensors, workspace, kernel);
      launch(space, "flashrnn::backward", backward_tiling_, kernel);

      if (tensors.db.data != nullptr)
        sum_bias_gradient(space, shape, cell_.bias_gates, kernel.batch_tiles, workspace.db_partial,
                          static_cast<Storage*>(tensors.db.data), *tensors.db.strides);
      if (tensors.dR.data != nullptr) {
        constexpr int gates = count_gates(Cell::recurrent_gates);
        TypedTensor<Storage> recurrent[Cell::gates];
        for (int n = 0; n < Cell::gates; ++n)
          if (has_gate(Cell::recurrent_gates, n))
            recurrent[gate_position(Cell::recurrent_gates, n)] = kernel.d_gate[n];
        weight_gradient().run(space, gates, recurrent, kernel.states, kernel.s0,
                              static_cast<Storage*>(tensors.dR.data), *tensors.dR.strides,
                              workspace.dR_sums, workspace.gemm);
      }
    });
  }

 private:
  struct ForwardWorkspace {
    ForwardWorkspace(const KokkosEngine& engine, void* base) {
      const Shape& s = engine.problem_.shape;
      WorkspaceDivider divide(base);
      packed_matrix = divide.take<Storage>(static_cast<std::size_t>(
          s.heads * s.head_dim * engine.cell_.recurrent_gates * engine.padded_));
      tiles = divide.take<char>(engine.tiles_in_workspace(
          engine.forward_tiling_, Forward<1>::bytes_per_row(engine.padded_)));
      bytes = divide.used();
    }
    Storage* packed_matrix;
    char* tiles;
    std::size_t bytes;
  };

  struct BackwardWorkspace {
    BackwardWorkspace(const KokkosEngine& engine, void* base) {
      const Shape& s = engine.problem_.shape;
      const auto units = static_cast<std::size_t>(s.heads * s.head_dim);
      WorkspaceDivider divide(base);
      gate_gradients =
          divide.take<Storage>(static_cast<std::size_t>(Cell::gates * s.steps * s.batch) * units);
      db_partial = divide.take<Real>(
          static_cast<std::size_t>(engine.tiles_of_batch(engine.backward_tiling_.batch_tile) *
                                   engine.cell_.bias_gates) *
          units);
      const auto weights = engine.weight_gradient();
      dR_sums = divide.take<Real>(weights.sum_elements(engine.cell_.recurrent_gates));
      gemm = divide.take<char>(weights.gemm_workspace_bytes());
      tiles = divide.take<char>(engine.tiles_in_workspace(
          engine.backward_tiling_, Backward<1>::bytes_per_row(engine.padded_)));
      bytes = divide.used();
    }
    Storage* gate_gradients;
    Real* db_partial;
    Real* dR_sums;
    char* gemm;
    char* tiles;
    std::size_t bytes;
  };

  template <class Body>
  static void with_batch_tile(const Tiling& tiling, const Body& body) {
    if (tiling.batch_tile == batch_tiles[0]) {
      body.template operator()<batch_tiles[0]>();
    } else {
      body.template operator()<batch_tiles[1]>();
    }
  }

  Index tiles_of_batch(Index batch_tile) const {
    return (problem_.shape.batch + batch_tile - 1) / batch_tile;
  }
  static std::size_t tile_bytes(std::size_t bytes_per_row, int batch_tile) {
    return static_cast<std::size_t>(
        round_up(static_cast<Index>(bytes_per_row) * batch_tile, WorkspaceDivider::alignment));
  }
  /// Bytes of all teams' tiles if they live in the workspace.
  std::size_t tiles_in_workspace(const Tiling& tiling, std::size_t bytes_per_row) const {
    if (tiling.team_memory) return 0;
    return tile_bytes(bytes_per_row, tiling.batch_tile) *
           static_cast<std::size_t>(tiles_of_batch(tiling.batch_tile) * problem_.shape.heads);
  }

  WeightGradient<ExecutionSpace, Storage> weight_gradient() const { return {problem_, *gemm_}; }

  /// A gate with an input writes its gradient straight into dx, if the caller wants dx and its
  /// layout suits the product for dR; otherwise into the workspace. No gate is stored for nothing.
  template <class Kernel>
  void place_gate_gradients(const BackwardTensors& tensors, const BackwardWorkspace& workspace,
                            Kernel& kernel) const {
    const Shape& shape = problem_.shape;
    const Strides own = state_sequence_strides(shape, SequenceOrder::time_major);
    for (int n = 0; n < Cell::gates; ++n) {
      if (tensors.dx.data != nullptr && has_gate(Cell::input_gates, n)) {
        const Strides& strides = *tensors.dx.strides;
        kernel.d_gate[n].data = static_cast<Storage*>(tensors.dx.data) +
                                strides.at(gate_position(Cell::input_gates, n), 0, 0, 0);
        kernel.d_gate[n].strides = strides;
      } else if (tensors.dR.data != nullptr && has_gate(Cell::recurrent_gates, n)) {
        kernel.d_gate[n].data = workspace.gate_gradients + own.at(n, 0, 0, 0);
        kernel.d_gate[n].strides = own;
      }
    }
  }

  template <class Kernel>
  void launch(const ExecutionSpace& space, const char* name, const Tiling& tiling,
              const Kernel& kernel) const {
    using Policy = Kokkos::TeamPolicy<ExecutionSpace>;
    const auto teams = static_cast<int>(kernel.batch_tiles * problem_.shape.heads);
    Policy policy(space, teams, tiling.team_size);
    if (tiling.team_memory) policy.set_scratch_size(0, Kokkos::PerTeam(kernel.memory.bytes));
    Kokkos::parallel_for(name, policy, kernel);
  }

  template <class Pointer>
  static auto typed(const BasicTensor<Pointer, Strides>& tensor) {
    using Element =
        std::conditional_t<std::is_same_v<Pointer, const void*>, const Storage, Storage>;
    return TypedTensor<Element>{static_cast<Element*>(tensor.data),
                                tensor.strides.value_or(Strides{})};
  }

  Problem problem_;
  CellDescription cell_;
  std::string note_;
  Index padded_;
  std::shared_ptr<const TileChoice> forward_choice_;
  std::shared_ptr<const TileChoice> backward_choice_;
  Tiling forward_tiling_;
  Tiling backward_tiling_;
  std::unique_ptr<Gemm<ExecutionSpace>> gemm_;
};

}  // namespace flashrnn
