// SPDX-License-Identifier: Apache-2.0
#include "recurrence.hpp"

#include <algorithm>
#include <sstream>

#include "flashrnn/recurrence/workspace.hpp"
#include "program.hpp"
#include "recurrence_parts.hpp"
#include "tiling/kernel_choice.hpp"

namespace flashrnn::cuda {
namespace {

/// Of one part of a tile of R, for all lanes of a warp.
constexpr Index tile_bytes = 512;

unsigned blocks(const Shape& shape, Index batch_tile) {
  return static_cast<unsigned>(shape.heads * ((shape.batch + batch_tile - 1) / batch_tile));
}

}  // namespace

SmallHeads::RecurrenceKernels::RecurrenceKernels(const Kernel& kernel, const Program& program,
                                                 int shared_bytes)
    : recurrence(kernel) {
  recurrence.set_shared_bytes(shared_bytes);
  if (program.arrange_kernel.empty()) return;
  arrange = kernel.of_same_program(program.arrange_kernel);
  // A multiprocessor that had to divide its memory anew between the two would take no block at
  // first, and others two.
  arrange->prefer_shared_memory();
  recurrence.prefer_shared_memory();
}

std::unique_ptr<SmallHeads> SmallHeads::make(const Problem& problem, const NativeCell& cell,
                                             const DeviceFacts& device, std::string& reason) {
  reason = unsupported(problem, cell);
  if (!reason.empty()) return nullptr;
  const NativeCell used = with_options(cell, problem);
  const Shape& shape = problem.shape;
  const CellDescription& description = used.description;
  const auto tilings = choose_small_heads(problem, used, device);
  if (!tilings) {
    reason = "R of one head, " + std::to_string(description.recurrent_gates) + " matrices of " +
             std::to_string(shape.head_dim) + " x " + std::to_string(shape.head_dim) + " in " +
             std::string(name_of(problem.dtype)) +
             ", does not fit the registers of one multiprocessor";
    return nullptr;
  }
  return with_tilings(problem, used, device, *tilings);
}

std::unique_ptr<SmallHeads> SmallHeads::with_tilings(const Problem& problem, const NativeCell& cell,
                                                     const DeviceFacts& device,
                                                     const SmallHeadsTilings& tilings) {
  std::unique_ptr<SmallHeads> out(new SmallHeads(problem, cell));
  out->device_ = device;
  const CellText text = cell_text(cell);
  const std::vector<Program> programs = small_heads_programs(cell, text, problem, tilings);
  const std::vector<Kernel> kernels = Kernel::load(programs);
  out->forward_tiling_ = tilings.forward;
  out->forward_ = RecurrenceKernels(kernels[0], programs[0], tilings.forward.shared_bytes);
  if (has_program_of_hidden_state(cell.description, problem.training))
    out->forward_of_hidden_ =
        RecurrenceKernels(kernels[1], programs[1], tilings.forward.shared_bytes);
  if (!problem.training) return out;
  out->backward_tiling_ = tilings.backward;
  out->backward_ = RecurrenceKernels(kernels[1], programs[1], tilings.backward.shared_bytes);
  out->weight_tiling_ = tilings.weights;
  out->weight_kernel_ = kernels[2];
  out->weight_kernel_.set_shared_bytes(tilings.weights.shared_bytes());
  out->sum_kernel_ = kernels[3];
  return out;
}

std::string SmallHeads::describe() const {
  std::ostringstream out;
  const auto registers = [](const Kernel& kernel) {
    return std::to_string(kernel.figures().registers) + " registers per thread";
  };
  out << "CUDA kernels for heads whose R fits one multiprocessor, " << device_.architecture << '\n'
      << "forward: " << blocks(problem_.shape, forward_tiling_.batch) << " blocks of "
      << forward_tiling_.threads() << " threads (" << forward_tiling_.io_warps
      << " warps move data), each with one head and " << forward_tiling_.batch
      << " row(s) of the batch; "
      << registers((forward_of_hidden_ ? *forward_of_hidden_ : forward_).recurrence) << ", "
      << forward_tiling_.shared_bytes << " bytes of shared memory\n";
  if (problem_.training)
    out << "backward: " << blocks(problem_.shape, backward_tiling_.batch) << " blocks of "
        << backward_tiling_.threads() << " threads (" << backward_tiling_.io_warps
        << " warps move data), each with one head and " << backward_tiling_.batch
        << " row(s) of the batch; " << registers(backward_.recurrence) << ", "
        << backward_tiling_.shared_bytes << " bytes of shared memory\n"
        << "dR: " << weight_tiling_.parts << " part(s) of " << weight_tiling_.rows_per_part
        << " rows\n";
  return out.str();
}

std::size_t SmallHeads::reserve_bytes() const {
  return saved_bytes(problem_, cell_.description);
}

struct SmallHeads::Workspace {
  Workspace(const SmallHeads& owner, void* base) {
    const Shape& s = owner.problem_.shape;
    const CellDescription& cell = owner.cell_.description;
    WorkspaceDivider divide(base);
    fragments = divide.take<char>(owner.fragment_bytes(owner.backward_tiling_));
    gate_gradients = divide.take<char>(own_bytes(owner.problem_, cell.gates));
    const Index tiles = (s.batch + owner.backward_tiling_.batch - 1) / owner.backward_tiling_.batch;
    db_partial = divide.take<float>(
        static_cast<std::size_t>(tiles * cell.bias_gates * s.heads * s.head_dim));
    dR_partial = divide.take<float>(static_cast<std::size_t>(
        owner.weight_tiling_.parts * cell.recurrent_gates * s.heads * s.head_dim * s.head_dim));
    progress = divide.take<unsigned>(static_cast<std::size_t>(s.heads * chunks_of(s.steps)));
    bytes = divide.used();
  }
  char* fragments;
  char* gate_gradients;
  float* db_partial;
  float* dR_partial;
  unsigned* progress;
  std::size_t bytes;
};

template <class Tiling>
std::size_t SmallHeads::fragment_bytes(const Tiling& tiling) const {
  const MatrixTiles tiles = tiling.matrix_tiles(cell_.description);
  if (!tiles.arranged()) return 0;
  const Index scales = tiling.scaled() ? static_cast<Index>(sizeof(float)) * tiles.warps : 0;
  return static_cast<std::size_t>(problem_.shape.heads *
                                  (tile_bytes * tiling.parts * tiles.all() + scales));
}

std::size_t SmallHeads::forward_workspace_bytes() const {
  return fragment_bytes(forward_tiling_);
}
std::size_t SmallHeads::backward_workspace_bytes() const {
  return problem_.training ? Workspace(*this, nullptr).bytes : 0;
}

template <class Tiling, class Parameters>
void SmallHeads::run(cudaStream_t stream, const Tiling& tiling, const RecurrenceKernels& kernels,
                     void* fragments, bool is_arranged, Parameters& parameters) const {
  const Shape& s = problem_.shape;
  parameters.fragments = fragments;
  Launch launch{blocks(s, tiling.batch), tiling.threads(), tiling.shared_bytes};
  if (kernels.arrange && !is_arranged) {
    const ArrangeFragmentsParameters p{parameters.R, fragments, s.heads, s.head_dim};
    const MatrixTiles tiles = tiling.matrix_tiles(cell_.description);
    const Index blocks = tiling.scaled()
                             ? s.heads * tiles.warps
                             : (32 * s.heads * tiles.all() + arrange_threads - 1) / arrange_threads;
    kernels.arrange->launch(stream, static_cast<unsigned>(blocks), arrange_threads, 0, p);
    // The recurrence waits for it by itself, where kernels can.
    launch.beside_previous = device_.starts_beside_previous;
  }
  kernels.recurrence.launch(stream, launch, parameters);
}

void SmallHeads::forward(cudaStream_t stream, const ForwardTensors& tensors) const {
  const KernelOptions<float> clip = clips(problem_);
  ForwardParameters p;
  p.shape = problem_.shape;
  p.x = sequence(tensors.x);
  p.b = sequence(tensors.b);
  p.s0 = sequence(tensors.s0);
  p.states = sequence(tensors.states);
  p.h = sequence(tensors.h);
  p.last = sequence(tensors.last);
  p.R = {const_cast<void*>(tensors.R.data), *tensors.R.strides};
  if (problem_.training)
    p.saved = {tensors.reserve, own_strides(problem_.shape, cell_.description.saved)};
  p.forward_clip = clip.forward_clip;
  p.wide_sequences =
      starts_at_pieces(problem_, piece_bytes(problem_), {p.x, p.states, p.h, p.saved});
  p.wide_results = 0;
  const bool all_states = p.states.data != nullptr || !forward_of_hidden_;
  run(stream, forward_tiling_, all_states ? forward_ : *forward_of_hidden_, tensors.workspace,
      tensors.R_is_prepared, p);
}

void SmallHeads::backward(cudaStream_t stream, const BackwardTensors& tensors) const {
  const Workspace workspace(*this, tensors.workspace);
  const KernelOptions<float> clip = clips(problem_);
  const CellDescription& cell = cell_.description;
  BackwardParameters p;
  p.shape = problem_.shape;
  p.s0 = sequence(tensors.s0);
  p.states = sequence(tensors.states);
  p.saved = {const_cast<void*>(tensors.reserve), own_strides(problem_.shape, cell.saved)};
  p.dh = sequence(tensors.dh);
  p.d_last = sequence(tensors.d_last);
  p.ds0 = sequence(tensors.ds0);
  p.R = {const_cast<void*>(tensors.R.data), *tensors.R.strides};
  p.db_partial = tensors.db.data != nullptr ? workspace.db_partial : nullptr;
  p.forward_clip = clip.forward_clip;
  p.recurrent_gradient_clip = clip.recurrent_gradient_clip;
  place_gate_gradients(problem_, cell_, tensors, workspace.gate_gradients, p.d_gate);
  const int piece = piece_bytes(problem_);
  p.wide_sequences = starts_at_pieces(problem_, piece, {p.s0, p.states, p.saved, p.dh});
  for (const Sequence& gate : p.d_gate)
    if (starts_at_pieces(problem_, piece, {gate}) == 0) p.wide_sequences = 0;
  // The kernel that sums dR runs beside the recurrence and follows its reports, where the device
  // lets it.
  p.progress = nullptr;
  if (tensors.dR.data != nullptr && backward_tiling_.reports) {
    p.progress = workspace.progress;
    check(cudaMemsetAsync(
              p.progress, 0,
              sizeof(unsigned) * static_cast<std::size_t>(p.shape.heads * chunks_of(p.shape.steps)),
              stream),
          "cudaMemsetAsync");
  }
  run(stream, backward_tiling_, backward_, workspace.fragments, false, p);
  if (tensors.dR.data != nullptr) weight_gradient(stream, tensors, p, workspace.dR_partial);
  if (tensors.db.data == nullptr) return;
  const Index tiles = (p.shape.batch + backward_tiling_.batch - 1) / backward_tiling_.batch;
  const Strides& strides = *tensors.db.strides;
  const SumPartsParameters sum{
      workspace.db_partial, tiles,           cell.bias_gates, p.shape.heads, 1,
      p.shape.head_dim,     tensors.db.data, strides.channel, strides.head,  0};
  const Index count = cell.bias_gates * p.shape.heads * p.shape.head_dim;
  sum_kernel_.launch(stream, static_cast<unsigned>(std::min<Index>((count + 127) / 128, 4096)), 128,
                     0, sum);
}

void SmallHeads::weight_gradient(cudaStream_t stream, const BackwardTensors& tensors,
                                 const BackwardParameters& p, float* partial) const {
  const CellDescription& cell = cell_.description;
  WeightGradientParameters w;
  w.shape = p.shape;
  for (int n = 0; n < cell.gates; ++n)
    if (has_gate(cell_.recurrent_gates, n))
      w.d_gate[gate_position(cell_.recurrent_gates, n)] = p.d_gate[n];
  w.states = p.states;
  w.s0 = p.s0;
  w.partial = partial;
  w.rows_per_part = weight_tiling_.rows_per_part;
  w.progress = p.progress;
  w.reports =
      static_cast<unsigned>((p.shape.batch + backward_tiling_.batch - 1) / backward_tiling_.batch);
  w.wide_sequences = all_wide(problem_, {p.s0, p.states});
  for (const Sequence& gate : w.d_gate)
    if (!is_wide(problem_, gate)) w.wide_sequences = 0;
  const Index groups = weight_tiling_.parts * weight_tiling_.groups(cell);
  const auto weight_blocks = static_cast<unsigned>(groups * p.shape.heads);
  if (p.progress != nullptr) {
    weight_kernel_.launch_beside_previous(stream, weight_blocks, weight_tiling_.threads(),
                                          weight_tiling_.shared_bytes(), w);
  } else {
    weight_kernel_.launch(stream, weight_blocks, weight_tiling_.threads(),
                          weight_tiling_.shared_bytes(), w);
  }
  const MatrixStrides& strides = *tensors.dR.strides;
  const SumPartsParameters sum{
      partial,          weight_tiling_.parts, cell.recurrent_gates, p.shape.heads, p.shape.head_dim,
      p.shape.head_dim, tensors.dR.data,      strides.gate,         strides.head,  strides.row};
  const Index count = cell.recurrent_gates * p.shape.heads * p.shape.head_dim * p.shape.head_dim;
  sum_kernel_.launch(stream, static_cast<unsigned>(std::min<Index>((count + 127) / 128, 4096)), 128,
                     0, sum);
}

}  // namespace flashrnn::cuda
