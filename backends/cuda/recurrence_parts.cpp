// SPDX-License-Identifier: Apache-2.0
#include "recurrence_parts.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <limits>

#include "device_probe.hpp"
#include "jit/kernel.hpp"
#include "sequence_pieces.hpp"
#include "tiling/embedded_tilings.hpp"

namespace flashrnn::cuda {

DeviceFacts current_device() {
  use_embedded_tilings();
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  return facts_of(running_device(device).resolved.model);
}

int starts_at_pieces(const Problem& problem, int piece, std::initializer_list<Sequence> sequences) {
  if (piece == 0) return 0;
  const auto size = static_cast<Index>(size_of(problem.dtype));
  return std::all_of(sequences.begin(), sequences.end(),
                     [&](const Sequence& s) {
                       return s.data == nullptr || (reinterpret_cast<std::uintptr_t>(s.data) %
                                                            static_cast<std::uintptr_t>(piece) ==
                                                        0 &&
                                                    has_pieces(s.strides, size, piece));
                     })
             ? 1
             : 0;
}
int has_groups(const Problem& problem, const HeadMatrix& m, Index elements) {
  const auto bytes = static_cast<std::uintptr_t>(elements) * size_of(problem.dtype);
  return problem.shape.head_dim % elements == 0 &&
                 reinterpret_cast<std::uintptr_t>(m.data) % bytes == 0 &&
                 m.strides.gate % elements == 0 && m.strides.head % elements == 0 &&
                 m.strides.row % elements == 0
             ? 1
             : 0;
}

bool is_wide(const Problem& problem, const Sequence& s) {
  return starts_at_pieces(problem, 16, {s}) != 0;
}
int all_wide(const Problem& problem, std::initializer_list<Sequence> sequences) {
  return problem.shape.head_dim % 8 == 0 ? starts_at_pieces(problem, 16, sequences) : 0;
}
int is_wide(const Problem& problem, const HeadMatrix& m) {
  return problem.shape.head_dim % 8 == 0
             ? has_groups(problem, m, 16 / static_cast<Index>(size_of(problem.dtype)))
             : 0;
}

KernelOptions<float> clips(const Problem& problem) {
  switch (problem.dtype) {
    case DataType::bfloat16:
      return kernel_options<bfloat16, float>(problem);
    case DataType::float16:
      return kernel_options<float16, float>(problem);
    default:
      return kernel_options<float, float>(problem);
  }
}

std::string unsupported(const Problem& problem, const NativeCell& cell) {
  if (problem.dtype == DataType::float64)
    return "the CUDA kernels take bfloat16, float16 and float32, not float64";
  if (const CellText text = cell_text(cell); text.type.empty()) return text.reason;
  if (cell.description.gates > max_gates)
    return "the CUDA kernels take at most " + std::to_string(max_gates) + " gates";
  const Index limit = std::numeric_limits<int>::max() / 4;
  if (problem.shape.batch > limit || problem.shape.heads > limit ||
      problem.shape.batch * problem.shape.heads > limit)
    return "more heads and batch rows than one launch has blocks";
  if (problem.shape.steps > limit) return "more steps than the CUDA kernels count";
  return {};
}

Index own_units(const Shape& shape) {
  return (shape.head_dim + 7) / 8 * 8;
}
Strides own_strides(const Shape& shape, Index channels) {
  const Index units = own_units(shape), head = channels * units, row = shape.heads * head;
  return {units, shape.batch * row, row, head};
}
std::size_t own_bytes(const Problem& problem, Index channels) {
  const Shape& s = problem.shape;
  return size_of(problem.dtype) *
         static_cast<std::size_t>(channels * s.steps * s.batch * s.heads * own_units(s));
}
std::size_t saved_bytes(const Problem& problem, const CellDescription& cell) {
  return problem.training ? own_bytes(problem, cell.saved) : 0;
}

void place_gate_gradients(const Problem& problem, const NativeCell& cell,
                          const BackwardTensors& tensors, void* own,
                          Sequence (&d_gate)[max_gates]) {
  const auto element = [&](void* first, Index n) {
    return static_cast<char*>(first) + static_cast<Index>(size_of(problem.dtype)) * n;
  };
  const Strides strides = own_strides(problem.shape, cell.description.gates);
  for (int n = 0; n < cell.description.gates; ++n) {
    if (tensors.dx.data != nullptr && has_gate(cell.input_gates, n)) {
      const Strides& dx = *tensors.dx.strides;
      d_gate[n] = {element(tensors.dx.data, dx.at(gate_position(cell.input_gates, n), 0, 0, 0)),
                   dx};
    } else if (tensors.dR.data != nullptr && has_gate(cell.recurrent_gates, n)) {
      d_gate[n] = {element(own, strides.at(n, 0, 0, 0)), strides};
    }
  }
}

}  // namespace flashrnn::cuda
