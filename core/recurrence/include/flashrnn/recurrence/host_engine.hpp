// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

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
#include "flashrnn/recurrence/options.hpp"
#include "flashrnn/recurrence/tiling.hpp"
#include "flashrnn/recurrence/weight_gradient.hpp"
#include "flashrnn/recurrence/workspace.hpp"

namespace flashrnn {

/// Whether this is a thread of a parallel region of at least `workers` threads, which all run at
/// the same time and so may wait for each other.
inline bool threads_run_together([[maybe_unused]] int workers) {
#ifdef _OPENMP
  return omp_get_num_threads() >= workers;
#else
  return false;
#endif
}
inline bool in_parallel_region() {
#ifdef _OPENMP
  return omp_in_parallel() != 0;
#else
  return true;
#endif
}

/// One index of a launch: a worker of the host kernels.
template <class Job>
struct HostWorker {
  void (*kernel)(const Job&, int);
  Job job;

  void operator()(const int worker) const {
    const int team_size = job.tiling.team_size;
    if (team_size == 1 || threads_run_together(job.tiling.workers)) return kernel(job, worker);
    // OpenMP gave fewer threads than were asked for: one worker does its team's work.
    if (worker % team_size != 0) return;
    Job alone = job;
    alone.tiling.workers /= team_size;
    alone.tiling.team_size = 1;
    kernel(alone, worker / team_size);
  }
};

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
      out << pass << ": " << t.workers / t.team_size << " team(s) of " << t.team_size
          << " thread(s), each with " << t.group_heads << " head(s) and " << t.slice_rows
          << " row(s) of the batch; register tile of " << vectors * t.sub_blocks << " vectors by "
          << t.register_rows << " rows\n  " << flashrnn::describe(choice) << '\n';
    };
    line("forward", forward_, cell_.recurrent_gates, *forward_choice_);
    if (problem_.training) line("backward", backward_, 1, *backward_choice_);
    return out.str();
  }

  std::size_t reserve_bytes() const override {
    return problem_.training ? sizeof(Storage) * elements(Complete::saved) : 0;
  }
  std::size_t forward_workspace_bytes() const override {
    return ForwardWorkspace(*this, nullptr).bytes;
  }
  std::size_t backward_workspace_bytes() const override {
    return problem_.training ? BackwardWorkspace(*this, nullptr).bytes : 0;
  }

  void forward(const ExecutionSpace& space, const ForwardTensors& tensors) const override {
    const ForwardWorkspace workspace(*this, tensors.workspace);
    host::ForwardJob<Storage> job;
    fill(job, space, forward_, workspace, forward_head_elements());
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
    host::pack(space, problem_.shape.heads,
               packer<host::PackForward<Storage>>(tensors.R, job, cell_.recurrent_gates,
                                                  workspace.packed, workspace.barriers));
    launch(space, "flashrnn::forward", kernels_.forward, job);
  }

  void backward(const ExecutionSpace& space, const BackwardTensors& tensors) const override {
    const BackwardWorkspace workspace(*this, tensors.workspace);
    host::BackwardJob<Storage> job;
    fill(job, space, backward_, workspace, backward_head_elements());
    job.slab_steps = slab_steps();
    job.gate_stride = gate_stride();
    job.h_stride = h_stride();
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
    host::pack(space, problem_.shape.heads,
               packer<host::PackBackward<Storage>>(tensors.R, job, cell_.recurrent_gates,
                                                   workspace.packed, workspace.barriers));
    launch(space, "flashrnn::backward", kernels_.backward, job);

    if (tensors.db.data != nullptr)
      sum_bias_gradient(space, problem_.shape, cell_.bias_gates, job.slices(), workspace.db_partial,
                        static_cast<Storage*>(tensors.db.data), *tensors.db.strides);
    if (job.dR_partial != nullptr) {
      host::sum_weight_gradient(space, problem_.shape, cell_.recurrent_gates, job.slices(),
                                job.padded, job.dR_partial, static_cast<Storage*>(tensors.dR.data),
                                *tensors.dR.strides);
    } else if (tensors.dR.data != nullptr) {
      TypedTensor<Storage> recurrent[Cell::gates];
      for (int n = 0; n < Cell::gates; ++n)
        if (has_gate(Cell::recurrent_gates, n))
          recurrent[gate_position(Cell::recurrent_gates, n)] = {job.d_gate[n].data,
                                                                job.d_gate[n].strides};
      const TypedTensor<const Storage> states{job.states.data, job.states.strides},
          s0{job.s0.data, job.s0.strides};
      weight_gradient().run(space, cell_.recurrent_gates, recurrent, states, s0,
                            static_cast<Storage*>(tensors.dR.data), *tensors.dR.strides,
                            workspace.dR_sums, workspace.gemm);
    }
  }

 private:
  struct Workspace {
    Storage* packed;
    Real* scratch;
    host::TeamBarrier* barriers;
    std::size_t bytes;

    void take(WorkspaceDivider& divide, const HostEngine& engine, const host::HostTiling& tiling,
              Index vectors_per_unit, Index depth, Index head_elements) {
      const auto teams = static_cast<std::size_t>(tiling.workers / tiling.team_size);
      const host::PackedOrder order = engine.order();
      const Index padded = engine.padded(tiling);
      packed = divide.take<Storage>(static_cast<std::size_t>(
          engine.problem_.shape.heads *
          order.size(depth, vectors_per_unit * padded / engine.kernels_.lanes)));
      scratch =
          divide.take<Real>(teams * static_cast<std::size_t>(tiling.group_heads * head_elements));
      barriers = divide.take<host::TeamBarrier>(teams);
    }
  };
  struct ForwardWorkspace : Workspace {
    ForwardWorkspace(const HostEngine& engine, void* base) {
      WorkspaceDivider divide(base);
      this->take(divide, engine, engine.forward_, engine.cell_.recurrent_gates,
                 engine.problem_.shape.head_dim, engine.forward_head_elements());
      this->bytes = divide.used();
    }
  };
  struct BackwardWorkspace : Workspace {
    BackwardWorkspace(const HostEngine& engine, void* base) {
      const Shape& s = engine.problem_.shape;
      WorkspaceDivider divide(base);
      this->take(divide, engine, engine.backward_, 1, engine.cell_.recurrent_gates * s.head_dim,
                 engine.backward_head_elements());
      const Index slices =
          (s.batch + engine.backward_.slice_rows - 1) / engine.backward_.slice_rows;
      db_partial = divide.take<Real>(
          static_cast<std::size_t>(slices * engine.cell_.bias_gates * s.heads * s.head_dim));
      if (engine.own_weight_gradient()) {
        dR_partial = divide.take<Real>(
            static_cast<std::size_t>(slices * s.heads * engine.cell_.recurrent_gates * s.head_dim *
                                     engine.padded(engine.backward_)));
      } else {
        gate_gradients = divide.take<Storage>(engine.elements(Cell::gates));
        const auto weights = engine.weight_gradient();
        dR_sums = divide.take<Real>(weights.sum_elements(engine.cell_.recurrent_gates));
        gemm = divide.take<char>(weights.gemm_workspace_bytes());
      }
      this->bytes = divide.used();
    }
    Real* db_partial;
    Real* dR_partial = nullptr;
    Storage* gate_gradients = nullptr;
    Real* dR_sums = nullptr;
    char* gemm = nullptr;
  };

  /// Whether all workers of a launch run at the same time, so that they may wait for each other.
  static constexpr bool concurrent_workers() {
#ifdef KOKKOS_ENABLE_OPENMP
    return std::is_same_v<ExecutionSpace, Kokkos::OpenMP>;
#else
    return false;
#endif
  }

  std::size_t elements(Index channels) const {
    const Shape& s = problem_.shape;
    return static_cast<std::size_t>(channels * s.steps * s.batch * s.heads * s.head_dim);
  }
  host::PackedOrder order() const {
    return {kernels_.lanes, kernels_.depth_step};
  }
  Index padded(const host::HostTiling& tiling) const {
    const Index block = Index(kernels_.lanes) * tiling.sub_blocks;
    return (problem_.shape.head_dim + block - 1) / block * block;
  }
  Index forward_head_elements() const {
    return kernels_.forward_planes * forward_.slice_rows * padded(forward_);
  }
  Index backward_head_elements() const {
    return backward_.slice_rows * (kernels_.backward_planes * padded(backward_) +
                                   slab_steps() * (gate_stride() + h_stride()));
  }
  // A line of the cache more than a multiple of lines: rows of one column then spread over all sets
  // of the cache.
  Index gate_stride() const {
    return round_up(cell_.recurrent_gates * problem_.shape.head_dim, 16) + 16;
  }
  Index h_stride() const {
    return round_up(padded(backward_), 16) + 16;
  }
  /// Steps whose products for dR are formed together; at least two, so that one step's can be
  /// written while another worker still reads the last one's.
  Index slab_steps() const {
    constexpr Index rank = 64;
    return own_weight_gradient() ? std::max<Index>(2, rank / backward_.slice_rows) : 2;
  }
  /// Whether the kernel sums dR itself: BLAS libraries are slow at many small products.
  bool own_weight_gradient() const {
    return problem_.shape.head_dim <= 128;
  }

  std::shared_ptr<const TileChoice> choose(const ExecutionSpace& space, bool backward,
                                           const FixedTiling& fixed) const {
    TileQuestion question = tile_question(space, kernel_text, problem_, cell_, backward);
    question.sizes.push_back(
        {"KERNEL_VECTOR_BITS", 8 * static_cast<Index>(sizeof(Real)) * kernels_.lanes});
    question.sizes.push_back({"TEAMS_MEET", concurrent_workers() ? 1 : 0});
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
    out.register_rows = host::most_register_rows(
        kernels_.registers, backward ? out.sub_blocks : cell_.recurrent_gates * out.sub_blocks);
    // What no cache can keep until it is read again need not displace what is there.
    constexpr std::size_t cached_bytes = std::size_t{16} << 20;
    const Index forward_channels = problem_.training ? cell_.states + cell_.saved : 1;
    out.streaming =
        sizeof(Storage) * elements(backward ? cell_.input_gates : forward_channels) > cached_bytes;
    return out;
  }

  void fill(host::Job<Storage>& job, const ExecutionSpace& space, const host::HostTiling& tiling,
            const Workspace& workspace, Index head_elements) const {
    job.shape = problem_.shape;
    job.tiling = tiling;
    // In a parallel region of the caller, Kokkos runs workers one after the other.
    if (tiling.team_size > 1 && (in_parallel_region() || space.concurrency() < tiling.workers)) {
      job.tiling.workers = tiling.workers / tiling.team_size;
      job.tiling.team_size = 1;
    }
    job.padded = padded(tiling);
    job.packed = workspace.packed;
    job.scratch = workspace.scratch;
    job.head_elements = head_elements;
    job.scratch_elements = tiling.group_heads * head_elements;
    job.barriers = workspace.barriers;
  }

  template <class Pack>
  Pack packer(const ConstMatrix& R, const host::Job<Storage>& job, Index gates, Storage* packed,
              host::TeamBarrier* barriers) const {
    const Index blocks = job.padded / (Index(kernels_.lanes) * job.tiling.sub_blocks);
    return Pack{problem_.shape.head_dim,
                gates,
                job.tiling.sub_blocks,
                blocks,
                order(),
                static_cast<const Storage*>(R.data),
                *R.strides,
                packed,
                barriers,
                job.tiling.workers / job.tiling.team_size};
  }

  template <class Job>
  void launch(const ExecutionSpace& space, const char* name, void (*kernel)(const Job&, int),
              const Job& job) const {
    Kokkos::parallel_for(
        name,
        Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<int>>(space, 0, job.tiling.workers),
        HostWorker<Job>{kernel, job});
  }

  WeightGradient<ExecutionSpace, Storage> weight_gradient() const {
    return {problem_.shape, problem_.dtype, *gemm_};
  }

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
