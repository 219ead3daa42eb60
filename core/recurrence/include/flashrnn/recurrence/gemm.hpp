// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <memory>
#include <optional>

#include "flashrnn/problem.hpp"

namespace flashrnn {

/// Matrix products of the platform's BLAS library: C = op(A)·op(B) + beta·C, `outer_count` ×
/// `count` times: the matrices of product (i, n) lie i·outer_stride + n·stride behind the first. An
/// outer stride of A or B may be 0, for a matrix that all i share. All matrices are row-major; ld
/// is the distance between rows in elements and at least the number of columns. op(A) is rows ×
/// inner, op(B) inner × columns, C rows × columns.
struct GemmArguments {
  Index rows = 0, columns = 0, inner = 0;
  bool transpose_a = false, transpose_b = false;
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  Index lda = 0, ldb = 0, ldc = 0;
  Index count = 1, stride_a = 0, stride_b = 0, stride_c = 0;  ///< strides in elements
  Index outer_count = 1, outer_stride_a = 0, outer_stride_b = 0, outer_stride_c = 0;  ///< the same
  DataType input = DataType::float32;   ///< type of A and B
  DataType output = DataType::float32;  ///< type of C: `input`, or float32 for the 16-bit types
  MatmulPrecision float32_precision = MatmulPrecision::highest;  ///< where `input` is float32
  bool accumulate = false;                                       ///< beta = 1 instead of 0
  void* workspace = nullptr;                                     ///< workspace_bytes(...) bytes
};

/// The same products with an outer count of 1, if one stride of each matrix reaches all of them.
inline std::optional<GemmArguments> flattened(GemmArguments g) {
  if (g.count == 1) {
    g.stride_a = g.outer_stride_a;
    g.stride_b = g.outer_stride_b;
    g.stride_c = g.outer_stride_c;
  } else if (g.outer_count > 1 && (g.outer_stride_a != g.count * g.stride_a ||
                                   g.outer_stride_b != g.count * g.stride_b ||
                                   g.outer_stride_c != g.count * g.stride_c)) {
    return std::nullopt;
  }
  g.count *= g.outer_count;
  g.outer_count = 1;
  return g;
}

/// The products of one outer index, with an outer count of 1.
inline GemmArguments outer_part(GemmArguments g, Index outer) {
  const auto bytes = [outer](Index stride, DataType type) {
    return outer * stride * static_cast<Index>(size_of(type));
  };
  g.a = static_cast<const char*>(g.a) + bytes(g.outer_stride_a, g.input);
  g.b = static_cast<const char*>(g.b) + bytes(g.outer_stride_b, g.input);
  g.c = static_cast<char*>(g.c) + bytes(g.outer_stride_c, g.output);
  g.outer_count = 1;
  return g;
}

/// A BLAS library bound to one execution space. Each backend defines make_gemm for its spaces.
template <class ExecutionSpace>
class Gemm {
 public:
  Gemm() = default;
  Gemm(const Gemm&) = delete;
  Gemm& operator=(const Gemm&) = delete;
  virtual ~Gemm() = default;

  /// Workspace that calls with these types and at most these sizes need.
  virtual std::size_t workspace_bytes(Index rows, Index columns, Index inner, DataType input,
                                      DataType output) const = 0;
  /// Enqueues the products on `space`; allocates nothing.
  virtual void run(const ExecutionSpace& space, const GemmArguments& arguments) const = 0;
};

/// @throws EnvironmentError if the BLAS library cannot be set up.
template <class ExecutionSpace>
std::unique_ptr<Gemm<ExecutionSpace>> make_gemm(const ExecutionSpace& space);

// Each specialisation is defined by the backend of its space (backends/).
#ifdef KOKKOS_ENABLE_SERIAL
template <>
std::unique_ptr<Gemm<Kokkos::Serial>> make_gemm(const Kokkos::Serial& space);
#endif
#ifdef KOKKOS_ENABLE_OPENMP
template <>
std::unique_ptr<Gemm<Kokkos::OpenMP>> make_gemm(const Kokkos::OpenMP& space);
#endif
#ifdef KOKKOS_ENABLE_CUDA
template <>
std::unique_ptr<Gemm<Kokkos::Cuda>> make_gemm(const Kokkos::Cuda& space);
#endif
#ifdef KOKKOS_ENABLE_HIP
template <>
std::unique_ptr<Gemm<Kokkos::HIP>> make_gemm(const Kokkos::HIP& space);
#endif

}  // namespace flashrnn
