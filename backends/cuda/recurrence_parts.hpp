// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "flashrnn/problem.hpp"
#include "flashrnn/recurrence/options.hpp"
#include "flashrnn/tensors.hpp"
#include "kernels/parameters.hpp"
#include "native_cell.hpp"
#include "tiling/small_heads.hpp"

// What the recurrences of this backend share: the arguments of kernels from a plan's tensors.

namespace flashrnn::cuda {

/// Facts about the current device.
/// @throws EnvironmentError if there is none.
DeviceFacts current_device();

template <class Pointer>
Sequence sequence(const BasicTensor<Pointer, Strides>& tensor) {
  return {const_cast<void*>(static_cast<const void*>(tensor.data)),
          tensor.strides.value_or(Strides{})};
}

/// Whether every row starts at a multiple of 16 bytes, and (but for the first) consists of whole
/// groups of 8 elements.
bool is_wide(const Problem& problem, const Sequence& s);
int all_wide(const Problem& problem, std::initializer_list<Sequence> sequences);
int is_wide(const Problem& problem, const HeadMatrix& m);

/// Whether every row starts at a multiple of `piece` bytes, and steps are no farther apart than
/// kernels can tell (sequence_pieces.hpp); never for 0.
int starts_at_pieces(const Problem& problem, int piece, std::initializer_list<Sequence> sequences);
/// Whether rows of R consist of whole groups of `elements` that start at a multiple of their size.
int has_groups(const Problem& problem, const HeadMatrix& m, Index elements);

/// The problem's clips, as the kernels compare with them.
KernelOptions<float> clips(const Problem& problem);

/// What the kernels cannot do at all, or an empty text.
std::string unsupported(const Problem& problem, const NativeCell& cell);

/// Saved values and gate gradients in memory of our own: [T, B, H, channels, units], with rows of
/// multiples of 16 bytes.
Index own_units(const Shape& shape);
Strides own_strides(const Shape& shape, Index channels);
/// Bytes of [T, B, H, channels, units].
std::size_t own_bytes(const Problem& problem, Index channels);
/// Bytes of what forward keeps for backward.
std::size_t saved_bytes(const Problem& problem, const CellDescription& cell);

/// Where the gradient of every gate goes: into dx where the caller wants it, else into `own` memory
/// if dR needs it, else nowhere.
void place_gate_gradients(const Problem& problem, const NativeCell& cell,
                          const BackwardTensors& tensors, void* own, Sequence (&d_gate)[max_gates]);

}  // namespace flashrnn::cuda
