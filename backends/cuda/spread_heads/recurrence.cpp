// SPDX-License-Identifier: Apache-2.0
#include "recurrence.hpp"

#include <algorithm>
#include <sstream>

#include "flashrnn/recurrence/workspace.hpp"
#include "program.hpp"
#include "tiling/kernel_choice.hpp"

namespace flashrnn::cuda {

/// Takes the first tiling that the compiler gives enough registers to and the device has room for.
/// Where the registers do not suffice, fewer pieces of R stay in them. `first` is the kernel of the
/// first tiling as it is.
template <class MakeProgram>
bool SpreadHeads::take_first(const std::vector<SpreadTiling>& tilings, const MakeProgram& program,
                             const Kernel& first, Pass& pass) {
  for (std::size_t n = 0; n < tilings.size(); ++n) {
    SpreadTiling tiling = tilings[n];
    bool is_first = n == 0;
    while (tiling.register_tiles >= 0 && tiling.shared_bytes <= device_.shared_bytes) {
      pass.tiling = tiling;
      pass.kernel = is_first ? first : Kernel::load(program(tiling));
      is_first = false;
      if (const std::size_t spilled = pass.kernel.figures().local_bytes; spilled > 0) {
        // 16 bytes of every thread's registers are a piece.
        tiling = tiling.with_fewer_register_tiles(std::max(4, static_cast<int>(spilled / 16)));
        continue;
      }
      pass.kernel.set_shared_bytes(tiling.shared_bytes);
      if (tiling.in_cluster) pass.kernel.allow_large_clusters();
      pass.launch.threads = tiling.threads();
      pass.launch.shared_bytes = tiling.shared_bytes;
      pass.launch.cluster = tiling.in_cluster ? tiling.blocks : tiling.split;
      pass.launch.together = !tiling.in_cluster;
      pass.launch.blocks = static_cast<unsigned>(tiling.blocks);
      const int room = pass.kernel.room_for(pass.launch) * pass.launch.cluster;
      if (room < tiling.blocks) break;
      // Clusters wait for their turn by themselves; blocks that wait for each other must all run.
      pass.groups_at_once = tiling.in_cluster
                                ? (Index(1) << 30) / tiling.blocks
                                : std::min(room, device_.multiprocessors) / tiling.blocks;
      // How many clusters a device runs at the same time is its own affair.
      if (tiling.split > 1 && tiling.groups(problem_.shape) > pass.groups_at_once * tiling.launches)
        break;
      return true;
    }
  }
  return false;
}

std::unique_ptr<SpreadHeads> SpreadHeads::make(const Problem& problem, const NativeCell& cell,
                                               const DeviceFacts& device, std::string& reason) {
  reason = unsupported(problem, cell);
  if (!reason.empty()) return nullptr;
  const NativeCell used = with_options(cell, problem);
  const CellDescription& description = cell.description;
  const auto with_choices = [&](int count, KSplits splits) {
    return with_tilings(problem, used, device,
                        choose_spread_heads(problem, used, device, count, splits));
  };
  // Runners-up are looked for only where the device or the compiler refuses the first choice. Pairs
  // of multiprocessors are neighbours on every device; larger clusters may find less room than
  // predicted.
  auto out = with_choices(1, KSplits::all);
  for (const KSplits splits : {KSplits::all, KSplits::pairs, KSplits::none})
    if (out == nullptr) out = with_choices(4, splits);
  if (out == nullptr) {
    reason = "R of one head, " + std::to_string(description.recurrent_gates) + " matrices of " +
             std::to_string(problem.shape.head_dim) + " x " +
             std::to_string(problem.shape.head_dim) + " in " + std::string(name_of(problem.dtype)) +
             ", does not fit the registers and shared memory of all multiprocessors";
    return nullptr;
  }
  double own = out->forward_.tiling.nanoseconds,
         products = products_time(problem.shape, description, false, ProductType(problem));
  if (problem.training) {
    own += out->backward_.tiling.nanoseconds;
    products += products_time(problem.shape, description, true, ProductType(problem));
  }
  if (own > products) {
    reason = "the CUDA kernels would need " + std::to_string(static_cast<int>(own)) +
             " ns per step by prediction, and matrix products " +
             std::to_string(static_cast<int>(products)) + " ns";
    return nullptr;
  }
  return out;
}

std::unique_ptr<SpreadHeads> SpreadHeads::with_tilings(const Problem& problem,
                                                       const NativeCell& cell,
                                                       const DeviceFacts& device,
                                                       const SpreadHeadsTilings& tilings) {
  std::unique_ptr<SpreadHeads> out(new SpreadHeads(problem, with_options(cell, problem)));
  out->device_ = device;
  const NativeCell& used = out->cell_;
  const CellText text = cell_text(used);
  const auto forward_text = [&](const SpreadTiling& t) {
    return spread_forward_program(used, text, problem, t);
  };
  const auto backward_text = [&](const SpreadTiling& t) {
    return spread_backward_program(used, text, problem, t);
  };
  // All that is likely to be needed, at the same time.
  const std::vector<Program> likely = spread_heads_programs(used, text, problem, tilings);
  if (likely.empty()) return nullptr;
  const std::vector<Kernel> kernels = Kernel::load(likely);
  out->arrange_kernel_ = kernels[0];
  if (!out->take_first(tilings.forward, forward_text, kernels[1], out->forward_)) return nullptr;
  if (!problem.training) return out;
  out->sum_kernel_ = kernels[3];
  if (!out->take_first(tilings.backward, backward_text, kernels[2], out->backward_)) return nullptr;
  return out;
}

std::string SpreadHeads::Pass::describe(const Problem& problem) const {
  std::ostringstream out;
  const Index groups = tiling.groups(problem.shape);
  out << std::min(groups, groups_at_once) * tiling.blocks << " blocks of " << tiling.threads()
      << " threads, " << tiling.blocks << " per head and " << tiling.batch
      << " row(s) of the batch, with " << tiling.units << " units each; vectors go through "
      << (tiling.in_cluster ? "the shared memory of a cluster" : "L2");
  if (tiling.split > 1)
    out << ", and every " << tiling.split
        << " blocks, a cluster, divide a vector among them and exchange sums";
  out << "; " << tiling.register_tiles << " of " << tiling.tiles
      << (tiling.wide ? " k-tiles of R" : " pieces of R per warp")
      << " in registers, the others in shared memory; " << kernel.figures().registers
      << " registers per thread, " << tiling.shared_bytes << " bytes of shared memory; "
      << (groups + groups_at_once - 1) / groups_at_once << " launch(es); "
      << static_cast<int>(tiling.nanoseconds) << " ns per step predicted\n";
  return out.str();
}

std::string SpreadHeads::describe() const {
  std::string out = "CUDA kernels for heads that several multiprocessors share, " +
                    device_.architecture + "\nforward: " + forward_.describe(problem_);
  if (problem_.training)
    out +=
        "backward: " + backward_.describe(problem_) + "dR: matrix products of the BLAS library\n";
  return out;
}

std::size_t SpreadHeads::reserve_bytes() const {
  return saved_bytes(problem_, cell_.description);
}

std::size_t SpreadHeads::matrix_bytes() const {
  const Shape& s = problem_.shape;
  return size_of(problem_.dtype) *
         static_cast<std::size_t>(cell_.description.recurrent_gates * s.heads * s.head_dim *
                                  own_units(problem_.shape));
}

struct SpreadHeads::ForwardWorkspace {
  ForwardWorkspace(const SpreadHeads& owner, void* base) {
    const Pass& pass = owner.forward_;
    WorkspaceDivider divide(base);
    const Index groups = std::min(pass.tiling.groups(owner.problem_.shape), pass.groups_at_once);
    exchange =
        divide.take<unsigned char>(static_cast<std::size_t>(groups * pass.tiling.exchange_bytes()));
    matrix = divide.take<char>(owner.matrix_bytes());
    bytes = divide.used();
  }
  unsigned char* exchange;
  char* matrix;
  std::size_t bytes;
};

struct SpreadHeads::BackwardWorkspace {
  BackwardWorkspace(const SpreadHeads& owner, void* base) {
    const Shape& s = owner.problem_.shape;
    const CellDescription& cell = owner.cell_.description;
    const Pass& pass = owner.backward_;
    WorkspaceDivider divide(base);
    const Index groups = std::min(pass.tiling.groups(s), pass.groups_at_once);
    exchange =
        divide.take<unsigned char>(static_cast<std::size_t>(groups * pass.tiling.exchange_bytes()));
    matrix = divide.take<char>(owner.matrix_bytes());
    gate_gradients = divide.take<char>(own_bytes(owner.problem_, cell.gates));
    const Index tiles = (s.batch + pass.tiling.batch - 1) / pass.tiling.batch;
    db_partial = divide.take<float>(
        static_cast<std::size_t>(tiles * cell.bias_gates * s.heads * s.head_dim));
    bytes = divide.used();
  }
  unsigned char* exchange;
  char* matrix;
  char* gate_gradients;
  float* db_partial;
  std::size_t bytes;
};

std::size_t SpreadHeads::forward_workspace_bytes() const {
  return ForwardWorkspace(*this, nullptr).bytes;
}
std::size_t SpreadHeads::backward_workspace_bytes() const {
  return problem_.training ? BackwardWorkspace(*this, nullptr).bytes : 0;
}

HeadMatrix SpreadHeads::arrange(cudaStream_t stream, const HeadMatrix& R, void* to, bool transpose,
                                bool is_arranged) const {
  const Shape& s = problem_.shape;
  if (!transpose && is_wide(problem_, R) != 0) return R;
  const Index units = own_units(problem_.shape),
              matrices = cell_.description.recurrent_gates * s.heads;
  const HeadMatrix arranged{to, {s.heads * s.head_dim * units, s.head_dim * units, units}};
  if (is_arranged) return arranged;
  const ArrangeParameters p{
      R, to, cell_.description.recurrent_gates, s.heads, s.head_dim, units, transpose ? 1 : 0};
  Launch launch;
  launch.threads = 256;
  launch.blocks = launch.blocks_y = static_cast<unsigned>((units + 31) / 32);
  launch.blocks_z = static_cast<unsigned>(std::min<Index>(matrices, 65535));
  arrange_kernel_.launch(stream, launch, p);
  return arranged;
}

/// Launches a pass for all groups, as many at once as the device runs.
template <class Parameters>
void SpreadHeads::launch(cudaStream_t stream, const Pass& pass, Parameters& parameters,
                         unsigned char* exchange) const {
  const Index groups = pass.tiling.groups(problem_.shape), at_once = pass.groups_at_once;
  parameters.spread.exchange = exchange;
  for (Index first = 0; first < groups; first += at_once) {
    const Index count = std::min(at_once, groups - first);
    if (!pass.tiling.in_cluster)
      check(cudaMemsetAsync(exchange, 0xff,
                            static_cast<std::size_t>(count * pass.tiling.exchange_bytes()), stream),
            "cudaMemsetAsync");
    parameters.spread.first_group = first;
    Launch launch = pass.launch;
    launch.blocks = static_cast<unsigned>(count * pass.tiling.blocks);
    pass.kernel.launch(stream, launch, parameters);
  }
}

void SpreadHeads::forward(cudaStream_t stream, const ForwardTensors& tensors) const {
  const ForwardWorkspace workspace(*this, tensors.workspace);
  SpreadForwardParameters all;
  ForwardParameters& p = all.recurrence;
  p.shape = problem_.shape;
  p.x = sequence(tensors.x);
  p.b = sequence(tensors.b);
  p.s0 = sequence(tensors.s0);
  p.states = sequence(tensors.states);
  p.h = sequence(tensors.h);
  p.last = sequence(tensors.last);
  p.R = arrange(stream, {const_cast<void*>(tensors.R.data), *tensors.R.strides}, workspace.matrix,
                false, tensors.R_is_prepared);
  if (problem_.training)
    p.saved = {tensors.reserve, own_strides(problem_.shape, cell_.description.saved)};
  p.forward_clip = clips(problem_).forward_clip;
  p.wide_sequences = all_wide(problem_, {p.x});
  p.wide_results = all_wide(problem_, {p.h, p.states, p.saved});
  launch(stream, forward_, all, workspace.exchange);
}

void SpreadHeads::backward(cudaStream_t stream, const BackwardTensors& tensors,
                           Sequence (&d_gate)[max_gates]) const {
  const BackwardWorkspace workspace(*this, tensors.workspace);
  const CellDescription& cell = cell_.description;
  SpreadBackwardParameters all;
  BackwardParameters& p = all.recurrence;
  p.shape = problem_.shape;
  p.s0 = sequence(tensors.s0);
  p.states = sequence(tensors.states);
  p.saved = {const_cast<void*>(tensors.reserve), own_strides(problem_.shape, cell.saved)};
  p.dh = sequence(tensors.dh);
  p.d_last = sequence(tensors.d_last);
  p.ds0 = sequence(tensors.ds0);
  p.R = arrange(stream, {const_cast<void*>(tensors.R.data), *tensors.R.strides}, workspace.matrix,
                true, false);
  p.db_partial = tensors.db.data != nullptr ? workspace.db_partial : nullptr;
  p.forward_clip = clips(problem_).forward_clip;
  p.recurrent_gradient_clip = clips(problem_).recurrent_gradient_clip;
  place_gate_gradients(problem_, cell_, tensors, workspace.gate_gradients, p.d_gate);
  for (int n = 0; n < cell.gates; ++n)
    if (has_gate(cell_.recurrent_gates, n))
      d_gate[gate_position(cell_.recurrent_gates, n)] = p.d_gate[n];
  p.wide_sequences = all_wide(problem_, {p.s0, p.states, p.saved, p.dh});
  launch(stream, backward_, all, workspace.exchange);

  if (tensors.db.data == nullptr) return;
  const Index tiles = (p.shape.batch + backward_.tiling.batch - 1) / backward_.tiling.batch;
  const Strides& strides = *tensors.db.strides;
  const SumPartsParameters sum{
      workspace.db_partial, tiles,           cell.bias_gates, p.shape.heads, 1,
      p.shape.head_dim,     tensors.db.data, strides.channel, strides.head,  0};
  const Index count = cell.bias_gates * p.shape.heads * p.shape.head_dim;
  sum_kernel_.launch(stream, static_cast<unsigned>(std::min<Index>((count + 127) / 128, 4096)), 128,
                     0, sum);
}

}  // namespace flashrnn::cuda
