// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <memory>

#include "flashrnn/problem.hpp"

namespace flashrnn {

/// Matrix products of the platform's BLAS library: C = op(A)·op(B) + beta·C, `count` times with
/// constant strides between. All matrices are row-major; ld is the distance between rows in
/// elements and at least the number of columns. op(A) is rows × inner, op(B) inner × columns,
/// C rows × columns.
struct GemmArguments {
  Index rows = 0, columns = 0, inner = 0;
  bool transpose_a = false, transpose_b = false;
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  Index lda = 0, ldb = 0, ldc = 0;
  Index count = 1, stride_a = 0, stride_b = 0, stride_c = 0;  ///< strides in elements
  DataType input = DataType::float32;                         ///< type of A and B
  DataType output = DataType::float32;  ///< type of C: `input`, or float32 for the 16-bit types
  MatmulPrecision float32_precision = MatmulPrecision::highest;  ///< where `input` is float32
  bool accumulate = false;                                       ///< beta = 1 instead of 0
  void* workspace = nullptr;                                     ///< workspace_bytes(...) bytes
};

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
