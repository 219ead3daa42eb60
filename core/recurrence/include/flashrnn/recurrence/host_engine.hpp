// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "flashrnn/recurrence/bias_gradient.hpp"
#include "flashrnn/recurrence/describe_cell.hpp"
#include "flashrnn/recurrence/engine.hpp"
#include "flashrnn/recurrence/execution_space.hpp"
#include "flashrnn/recurrence/host/pack.hpp"
#include "flashrnn/recurrence/host/sum_weight_gradient.hpp"
#include "flashrnn/recurrence/host_launch.hpp"
#include "flashrnn/recurrence/host_sizes.hpp"
#include "flashrnn/recurrence/options.hpp"
#include "flashrnn/recurrence/tiling.hpp"
#include "flashrnn/recurrence/weight_gradient.hpp"
#include "flashrnn/recurrence/workspace.hpp"

namespace flashrnn {

/// The portable recurrence on host execution spaces: the same recurrence as KokkosEngine's, by
/// kernels that are written in vectors and compiled for several instruction sets (host/).
template <class Cell, class Storage, class ExecutionSpace>
class HostEngine final : public Engine<ExecutionSpace> {
 public:
  using Real = AccumulateType<Storage>;
  using Complete = CompleteCell<Cell>;
  using Kernels = host::HostKernels<Storage>;

  /// The text with its tiling constraints.
  static constexpr const char* kernel_text = "host_vector";

  /// `note` is appended to the description: what the choice of kernels lost, if anything.
  HostEngine(const ExecutionSpace& space, const Problem& problem, const EngineOptions& options,
             const Kernels& kernels, std::string note)
      : problem_(problem),
        cell_(describe_cell<Cell>()),
        kernels_(kernels),
        note_(std::move(note)),
        forward_choice_(choose(space, false, options.forward)),
        forward_(tiling_of(*forward_choice_, false)),
        gemm_(problem.training ? make_gemm<ExecutionSpace>(space) : nullptr) {
    if (!problem.training) return;
    backward_choice_ = choose(space, true, options.backward);
    backward_ = tiling_of(*backward_choice_, true);
  }

  const CellDescription& cell() const override { return cell_; }

  const TileChoice* tiling(bool backward) const override {
    return backward ? backward_choice_.get() : forward_choice_.get();
  }

  std::string describe() const override {
    std::ostringstream out;
    out << "host kernels for " << kernels_.isa << " on Kokkos::" << ExecutionSpace::name() << note_
        << '\n';
    const auto line = [&](const char* pass, const host::HostTiling& t, int vectors,
                          const TileChoice& choice) {
      const int walk = std::min(vectors * t.sub_blocks, t.walk_vectors);
      out << pass << ": " << t.workers / t.team_size << " team(s) of " << t.team_size
          << " thread(s), each with " << t.group_heads << " head(s) and " << t.slice_rows
          << " row(s) of the batch; register tile of " << walk << " vectors by " << t.register_rows
          << " rows\n  " << flashrnn::describe(choice) << '\n';
    };
    line("forward", forward_, cell_.recurrent_gates, *forward_choice_);
    if (problem_.training) line("backward", backward_, 1, *backward_choice_);
    return out.str();
  }

  std::size_t reserve_bytes() const override {
    return problem_.training ? sizeof(Storage) * elements(Complete::saved) : 0;
  }
  std::size_t forward_workspace_bytes() const override {
    return ForwardWorkspace(*this, nullptr).divide.used();
  }
  std::size_t backward_workspace_bytes() const override {
    return problem_.training ? BackwardWorkspace(*this, nullptr).divide.used() : 0;
  }

  void forward(const ExecutionSpace& space, const ForwardTensors& tensors) const override {
    const ForwardWorkspace workspace(*this, tensors.workspace);
    host::ForwardJob<Storage> job;
    const HostSizes sizes = this->sizes(false);
    fill(job, space, sizes, workspace.parts);
    const auto options = kernel_options<Storage, Real>(problem_);
    job.clip = options.forward_clip;
    job.x = typed(tensors.x);
    job.b = typed(tensors.b);
    job.s0 = typed(tensors.s0);
    job.states = typed(tensors.states);
    job.h = typed(tensors.h);
    job.last = typed(tensors.last);
    if (problem_.training) job.saved = reserve(static_cast<Storage*>(tensors.reserve));
    job.tiling.streaming = job.tiling.streaming && aligned(job.states, cell_.states) &&
                           aligned(job.h, 1) && aligned(job.saved, cell_.saved);
    // Barriers are as pack() would reset them after every pass that has ended.
    if (!tensors.R_is_prepared) pack<false>(space, tensors.R, job, sizes, workspace.parts);
    launch_workers(space, "flashrnn::forward", kernels_.forward, job);
  }

  void backward(const ExecutionSpace& space, const BackwardTensors& tensors) const override {
    const BackwardWorkspace workspace(*this, tensors.workspace);
    host::BackwardJob<Storage> job;
    const HostSizes sizes = this->sizes(true);
    fill(job, space, sizes, workspace.parts);
    job.slab_steps = sizes.slab_steps();
    job.gate_stride = sizes.gate_stride();
    job.h_stride = sizes.h_stride();
    const auto options = kernel_options<Storage, Real>(problem_);
    job.forward_clip = options.forward_clip;
    job.gradient_clip = options.recurrent_gradient_clip;
    job.cut = options.cut_recurrent_gradient;
    job.s0 = typed(tensors.s0);
    job.states = typed(tensors.states);
    job.saved = reserve(static_cast<const Storage*>(tensors.reserve));
    job.dh = typed(tensors.dh);
    job.d_last = typed(tensors.d_last);
    job.ds0 = typed(tensors.ds0);
    job.db_partial = tensors.db.data != nullptr ? workspace.db_partial : nullptr;
    job.dR_partial = tensors.dR.data != nullptr ? workspace.dR_partial : nullptr;
    place_gate_gradients(tensors, workspace, job);
    for (int n = 0; n < Cell::gates; ++n)
      job.tiling.streaming = job.tiling.streaming && aligned(job.d_gate[n], 1);
    pack<true>(space, tensors.R, job, sizes, workspace.parts);
    launch_workers(space, "flashrnn::backward", kernels_.backward, job);

    if (tensors.db.data != nullptr)
      sum_bias_gradient(space, problem_.shape, cell_.bias_gates, job.slices(), workspace.db_partial,
                        static_cast<Storage*>(tensors.db.data), *tensors.db.strides);
    if (job.dR_partial != nullptr) {
      host::sum_weight_gradient(space, problem_.shape, cell_.recurrent_gates, job.slices(),
                                job.padded, job.dR_partial, static_cast<Storage*>(tensors.dR.data),
                                *tensors.dR.strides);
    } else if (tensors.dR.data != nullptr) {
      constexpr int gates = count_gates(Cell::recurrent_gates);
      TypedTensor<Storage> recurrent[Cell::gates];
      for (int n = 0; n < Cell::gates; ++n)
        if (has_gate(Cell::recurrent_gates, n))
          recurrent[gate_position(Cell::recurrent_gates, n)] = {job.d_gate[n].data,
                                                                job.d_gate[n].strides};
      const TypedTensor<const Storage> states{job.states.data, job.states.strides},
          s0{job.s0.data, job.s0.strides};
      weight_gradient().run(space, gates, recurrent, states, s0,
                            static_cast<Storage*>(tensors.dR.data), *tensors.dR.strides,
                            workspace.dR_sums, workspace.gemm);
    }
  }

 private:
  struct ForwardWorkspace {
    ForwardWorkspace(const HostEngine& engine, void* base)
        : divide(base), parts(divide, engine.sizes(false)) {}
    WorkspaceDivider divide;
    HostWorkspace<Storage> parts;
  };
  struct BackwardWorkspace {
    BackwardWorkspace(const HostEngine& engine, void* base)
        : divide(base), parts(divide, engine.sizes(true)) {
      const HostSizes sizes = engine.sizes(true);
      db_partial = divide.take<Real>(static_cast<std::size_t>(sizes.bias_sums()));
      if (sizes.own_weight_gradient()) {
        dR_partial = divide.take<Real>(static_cast<std::size_t>(sizes.weight_sums()));
      } else {
        gate_gradients = divide.take<Storage>(engine.elements(Cell::gates));
        const auto weights = engine.weight_gradient();
        dR_sums = divide.take<Real>(weights.sum_elements(engine.cell_.recurrent_gates));
        gemm = divide.take<char>(weights.gemm_workspace_bytes());
      }
    }
    WorkspaceDivider divide;
    HostWorkspace<Storage> parts;
    Real* db_partial;
    Real* dR_partial = nullptr;
    Storage* gate_gradients = nullptr;
    Real* dR_sums = nullptr;
    char* gemm = nullptr;
  };

  HostSizes sizes(bool backward) const {
    return {problem_.shape,
            cell_.recurrent_gates,
            cell_.bias_gates,
            {kernels_.lanes, kernels_.depth_step},
            backward ? kernels_.backward_planes : kernels_.forward_planes,
            backward ? backward_ : forward_,
            backward};
  }

  std::size_t elements(Index channels) const {
    const Shape& s = problem_.shape;
    return static_cast<std::size_t>(channels * s.steps * s.batch * s.heads * s.head_dim);
  }
  std::shared_ptr<const TileChoice> choose(const ExecutionSpace& space, bool backward,
                                           const FixedTiling& fixed) const {
    TileQuestion question = tile_question(space, kernel_text, problem_, cell_, backward);
    question.sizes.push_back(
        {"KERNEL_VECTOR_BITS", 8 * static_cast<Index>(sizeof(Real)) * kernels_.lanes});
    question.sizes.push_back({"TEAMS_MEET", concurrent_workers<ExecutionSpace>() ? 1 : 0});
    return search_fixed(std::move(question), fixed);
  }
  host::HostTiling tiling_of(const TileChoice& choice, bool backward) const {
    const TileCandidate& best = choice.best();
    host::HostTiling out;
    out.workers = static_cast<int>(best.at("WORKERS"));
    out.team_size = static_cast<int>(best.at("TEAM_SIZE"));
    out.sub_blocks = static_cast<int>(best.at("SUB_BLOCKS"));
    out.slice_rows = best.at("SLICE_ROWS");
    out.group_heads = best.at("GROUP_HEADS");
    out.walk_vectors = static_cast<int>(best.at("WALK"));
    out.depth_piece = best.at("DEPTH_PIECE");
    const int vectors = backward ? out.sub_blocks : cell_.recurrent_gates * out.sub_blocks;
    out.register_rows =
        host::most_register_rows(kernels_.registers, std::min(vectors, out.walk_vectors));
    // What the first caches cannot keep until it is read again need not displace what is there,
    // nor be read before it is overwritten. But only whole lines of it: halves of lines, in the
    // order in which they come here, are each a transfer.
    constexpr std::size_t cached_bytes = std::size_t{128} << 10;
    const Index forward_channels = problem_.training ? cell_.states + cell_.saved : 1;
    out.streaming =
        sizeof(Storage) * static_cast<std::size_t>(kernels_.lanes) >= 64 &&
        sizeof(Storage) * elements(backward ? cell_.input_gates : forward_channels) > cached_bytes;
    return out;
  }

  void fill(host::Job<Storage>& job, const ExecutionSpace& space, const HostSizes& sizes,
            const HostWorkspace<Storage>& workspace) const {
    job.shape = problem_.shape;
    job.tiling = sizes.tiling;
    // In a parallel region of the caller, Kokkos runs workers one after the other.
    if (job.tiling.team_size > 1 &&
        (in_parallel_region() || space.concurrency() < job.tiling.workers)) {
      job.tiling.workers /= job.tiling.team_size;
      job.tiling.team_size = 1;
    }
    job.padded = sizes.padded();
    job.row_stride = sizes.row_stride();
    job.packed = workspace.packed;
    job.scratch = workspace.scratch;
    job.head_elements = sizes.head();
    job.scratch_elements = sizes.tiling.group_heads * sizes.head();
    job.barriers = workspace.barriers;
  }

  template <bool backward>
  void pack(const ExecutionSpace& space, const ConstMatrix& R, const host::Job<Storage>& job,
            const HostSizes& sizes, const HostWorkspace<Storage>& workspace) const {
    const Index blocks = job.padded / (sizes.order.lanes * job.tiling.sub_blocks);
    host::pack(space, problem_.shape.heads,
               host::Pack<Storage, backward>{problem_.shape.head_dim, cell_.recurrent_gates,
                                             job.tiling.sub_blocks, job.tiling.walk_vectors, blocks,
                                             sizes.order, static_cast<const Storage*>(R.data),
                                             *R.strides, workspace.packed, workspace.barriers,
                                             job.tiling.workers / job.tiling.team_size});
  }

  WeightGradient<ExecutionSpace, Storage> weight_gradient() const { return {problem_, *gemm_}; }

  /// A gate with an input writes its gradient straight into dx, if the caller wants dx; otherwise
  /// into the workspace, if dR needs it. No gate is stored for nothing.
  void place_gate_gradients(const BackwardTensors& tensors, const BackwardWorkspace& workspace,
                            host::BackwardJob<Storage>& job) const {
    const Strides own = state_sequence_strides(problem_.shape, SequenceOrder::time_major);
    for (int n = 0; n < Cell::gates; ++n) {
      if (tensors.dx.data != nullptr && has_gate(Cell::input_gates, n)) {
        const Strides& strides = *tensors.dx.strides;
        job.d_gate[n].data = static_cast<Storage*>(tensors.dx.data) +
                             strides.at(gate_position(Cell::input_gates, n), 0, 0, 0);
        job.d_gate[n].strides = strides;
      } else if (workspace.gate_gradients != nullptr && tensors.dR.data != nullptr &&
                 has_gate(Cell::recurrent_gates, n)) {
        job.d_gate[n].data = workspace.gate_gradients + own.at(n, 0, 0, 0);
        job.d_gate[n].strides = own;
      }
    }
  }

  /// Whether every vector of a tensor is aligned, as stores around the caches need.
  template <class Element>
  bool aligned(const host::HostTensor<Element>& tensor, Index channels) const {
    if (tensor.data == nullptr) return true;
    const Index lanes = kernels_.lanes;
    const Strides& s = tensor.strides;
    return reinterpret_cast<std::uintptr_t>(tensor.data) %
                   (sizeof(Storage) * static_cast<std::size_t>(lanes)) ==
               0 &&
           s.step % lanes == 0 && s.batch % lanes == 0 && s.head % lanes == 0 &&
           (channels == 1 || s.channel % lanes == 0);
  }

  template <class Element>
  host::HostTensor<Element> reserve(Element* data) const {
    return {data, state_sequence_strides(problem_.shape, SequenceOrder::time_major)};
  }

  template <class Pointer>
  static auto typed(const BasicTensor<Pointer, Strides>& tensor) {
    using Element =
        std::conditional_t<std::is_same_v<Pointer, const void*>, const Storage, Storage>;
    return host::HostTensor<Element>{static_cast<Element*>(tensor.data),
                                     tensor.strides.value_or(Strides{})};
  }

  Problem problem_;
  CellDescription cell_;
  Kernels kernels_;
  std::string note_;
  std::shared_ptr<const TileChoice> forward_choice_;
  host::HostTiling forward_;
  std::shared_ptr<const TileChoice> backward_choice_;
  host::HostTiling backward_;
  std::unique_ptr<Gemm<ExecutionSpace>> gemm_;
};

}  // namespace flashrnn
