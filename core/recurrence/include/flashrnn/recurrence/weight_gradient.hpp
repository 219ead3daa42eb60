// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstdint>

#include "flashrnn/cells/cell.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/forward_kernel.hpp"
#include "flashrnn/recurrence/gemm.hpp"
#include "flashrnn/recurrence/row_blocks.hpp"

namespace flashrnn {

/// to [G, H, D, D] = from (contiguous), or zero if from is null.
template <class From, class To>
struct StoreMatrix {
  Index heads, head_dim;
  const From* from;
  To* to;
  MatrixStrides strides;

  KOKKOS_FUNCTION void operator()(const Index n) const {
    const Index in = n % head_dim, out = n / head_dim % head_dim;
    const Index head = n / (head_dim * head_dim) % heads;
    const Index gate = n / (head_dim * head_dim * heads);
    to[strides.at(gate, head, out) + in] = static_cast<To>(from != nullptr ? from[n] : From(0));
  }
};

/// The same for contiguous sums and results, several neighbours per index: no divisions, and wide
/// reads and writes. Large heads have millions of elements.
template <class From, class To>
struct StoreNeighbours {
  static constexpr Index width = 8;
  struct alignas(16) Sums {
    From value[width];
  };
  struct alignas(width * sizeof(To)) Results {
    To value[width];
  };
  Index elements;
  const From* from;
  To* to;

  static bool aligned(const From* from, const To* to) {
    return reinterpret_cast<std::uintptr_t>(from) % alignof(Sums) == 0 &&
           reinterpret_cast<std::uintptr_t>(to) % alignof(Results) == 0;
  }
  Index indices() const { return (elements + width - 1) / width; }

  KOKKOS_FUNCTION void operator()(const Index n) const {
    const Index first = n * width;
    if (first + width <= elements) {
      const Sums sums = *reinterpret_cast<const Sums*>(from + first);
      Results results;
      for (int i = 0; i < width; ++i) results.value[i] = static_cast<To>(sums.value[i]);
      *reinterpret_cast<Results*>(to + first) = results;
    } else {
      for (Index i = first; i < elements; ++i) to[i] = static_cast<To>(from[i]);
    }
  }
};

/// dR[n] = sum over steps and batch rows of d_gate[n]_t ⊗ h_{t-1}, as matrix products of the BLAS
/// library: d_gate^T (D_out × rows) times h (rows × D_in), for all heads, and all gates whose
/// gradients lie as in one tensor, at once: products of a few hundred units are too small to fill a
/// device one after the other.
template <class ExecutionSpace, class Storage>
class WeightGradient {
 public:
  using Real = AccumulateType<Storage>;
  static constexpr bool narrow = sizeof(Storage) < sizeof(Real);

  WeightGradient(const Problem& problem, const Gemm<ExecutionSpace>& gemm)
      : shape_(problem.shape),
        type_(problem.dtype),
        float32_precision_(problem.float32_matmul_precision),
        gemm_(gemm) {}

  /// Elements of the sums: 16-bit types are summed in float first. 0 for the others.
  std::size_t sum_elements(int gates) const {
    return narrow
               ? static_cast<std::size_t>(gates * shape_.heads * shape_.head_dim * shape_.head_dim)
               : 0;
  }
  std::size_t gemm_workspace_bytes() const {
    return gemm_.workspace_bytes(shape_.head_dim, shape_.head_dim, shape_.steps * shape_.batch,
                                 type_, output_type());
  }

  /// `d_gate` holds `gates` tensors [T, B, H, D] (channel 0); `states` is [S, T, B, H, D].
  void run(const ExecutionSpace& space, int gates, const TypedTensor<Storage>* d_gate,
           const TypedTensor<const Storage>& states, const TypedTensor<const Storage>& s0,
           Storage* gradient, const MatrixStrides& strides, Real* sums, void* workspace) const {
    Real* target = nullptr;
    MatrixStrides target_strides = strides;
    if constexpr (narrow) {
      target = sums;
      target_strides = matrix_strides(shape_);
    } else {
      target = reinterpret_cast<Real*>(gradient);
    }
    if (s0.data == nullptr && shape_.steps == 1) fill_zero(space, gates, target, target_strides);
    for (int n = 0; n < gates;) {
      const GateGroup group = group_from(n, gates, d_gate);
      const Products products{group, target + n * target_strides.gate, target_strides, workspace};
      // h_{t-1} of step 0 is the initial state; of step t >= 1 the stored state t - 1.
      if (s0.data != nullptr)
        add(space, 1, d_gate[n].data, d_gate[n].strides, s0.data, s0.strides, products, false);
      if (shape_.steps > 1)
        add(space, shape_.steps - 1, d_gate[n].data + d_gate[n].strides.step, d_gate[n].strides,
            states.data, states.strides, products, s0.data != nullptr);
      n += group.gates;
    }
    if constexpr (narrow) convert(space, gates, sums, gradient, strides);
  }

 private:
  DataType output_type() const { return narrow ? DataType::float32 : type_; }

  /// Gates that follow each other and whose gradients lie at equal distances, as in one tensor.
  struct GateGroup {
    int gates;
    Index between;  ///< elements
  };
  /// Where the products of a group go.
  struct Products {
    GateGroup group;
    Real* c;  ///< of the group's first gate
    MatrixStrides strides;
    void* workspace;
  };

  static GateGroup group_from(int first, int gates, const TypedTensor<Storage>* d_gate) {
    // As numbers: pointers into different tensors must not be subtracted.
    const auto at = [&](int n) { return reinterpret_cast<std::intptr_t>(d_gate[n].data); };
    const Strides& strides = d_gate[first].strides;
    constexpr std::intptr_t size = sizeof(Storage);
    GateGroup out{1, 0};
    for (int n = first + 1; n < gates; ++n) {
      const Strides& other = d_gate[n].strides;
      const std::intptr_t distance = at(n) - at(n - 1);
      if (other.step != strides.step || other.batch != strides.batch ||
          other.head != strides.head || distance <= 0 || distance % size != 0 ||
          (out.gates > 1 && distance / size != out.between))
        break;
      out = {out.gates + 1, static_cast<Index>(distance / size)};
    }
    return out;
  }

  /// Sets, or adds to, the products of a group the sum over some steps.
  void add(const ExecutionSpace& space, Index steps, const Storage* d_gate,
           const Strides& d_strides, const Storage* h, const Strides& h_strides,
           const Products& products, bool accumulate) const {
    const RowBlocks walk = row_blocks(steps, shape_.batch, d_strides, h_strides, shape_.head_dim);
    if (walk.blocks < 0)  // argument checks let only strides pass that can be walked
      throw InternalError("dR: these strides cannot be walked by matrix products");
    GemmArguments call;
    call.rows = call.columns = shape_.head_dim;
    call.inner = walk.rows;
    call.transpose_a = true;
    call.lda = walk.leading[0];
    call.ldb = walk.leading[1];
    call.ldc = products.strides.row;
    call.count = shape_.heads;
    call.stride_a = d_strides.head;
    call.stride_b = h_strides.head;
    call.stride_c = products.strides.head;
    call.outer_count = products.group.gates;
    call.outer_stride_a = products.group.between;
    call.outer_stride_c = products.strides.gate;  // all gates share h
    call.input = type_;
    call.output = output_type();
    call.float32_precision = float32_precision_;
    call.workspace = products.workspace;
    call.c = products.c;
    for (Index block = 0; block < walk.blocks; ++block) {
      call.a = d_gate + walk.start[0] + block * walk.between[0];
      call.b = h + walk.start[1] + block * walk.between[1];
      call.accumulate = accumulate || block > 0;
      gemm_.run(space, call);
    }
  }

  // nvcc takes no device lambda from a private function, so these two steps of run are public.
  void fill_zero(const ExecutionSpace& space, int gates, Real* target,
                 const MatrixStrides& strides) const {
    for_each_element(
        space, "flashrnn::zero_weight_gradient", gates,
        StoreMatrix<Real, Real>{shape_.heads, shape_.head_dim, nullptr, target, strides});
  }

  void convert(const ExecutionSpace& space, int gates, const Real* sums, Storage* gradient,
               const MatrixStrides& strides) const {
    const Index matrix = shape_.head_dim * shape_.head_dim;
    const bool contiguous = strides.row == shape_.head_dim &&
                            (shape_.heads == 1 || strides.head == matrix) &&
                            (gates == 1 || strides.gate == shape_.heads * matrix);
    using Neighbours = StoreNeighbours<Real, Storage>;
    if (contiguous && Neighbours::aligned(sums, gradient)) {
      const Neighbours kernel{gates * shape_.heads * matrix, sums, gradient};
      return for_each(space, "flashrnn::store_weight_gradient", kernel.indices(), kernel);
    }
    for_each_element(
        space, "flashrnn::store_weight_gradient", gates,
        StoreMatrix<Real, Storage>{shape_.heads, shape_.head_dim, sums, gradient, strides});
  }

  template <class Kernel>
  void for_each_element(const ExecutionSpace& space, const char* name, int gates,
                        const Kernel& kernel) const {
    for_each(space, name, gates * shape_.heads * shape_.head_dim * shape_.head_dim, kernel);
  }

  template <class Kernel>
  static void for_each(const ExecutionSpace& space, const char* name, Index count,
                       const Kernel& kernel) {
    Kokkos::parallel_for(
        name, Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<Index>>(space, 0, count),
        kernel);
  }

  Shape shape_;
  DataType type_;
  MatmulPrecision float32_precision_;
  const Gemm<ExecutionSpace>& gemm_;
};

}  // namespace flashrnn
