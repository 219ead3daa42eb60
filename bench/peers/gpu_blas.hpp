// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu.hpp"

// The interface that counts in 64 bits and takes compute types.
#ifdef FLASHRNN_BENCH_HIP
#ifndef HIPBLAS_V2
#define HIPBLAS_V2
#endif
#include <hipblas/hipblas.h>
#else
#include <cublas_v2.h>
#endif

#include <cstdint>
#include <optional>

#include "flashrnn/problem.hpp"

namespace flashrnn::bench {

#ifdef FLASHRNN_BENCH_HIP
inline constexpr const char* blas_name = "hipBLAS";
using BlasStatus = hipblasStatus_t;
using BlasType = hipDataType;
using BlasHandle = Owned<hipblasHandle_t, hipblasCreate, hipblasDestroy>;
inline const char* text_of(BlasStatus status) {
  return hipblasStatusToString(status);
}
#else
inline constexpr const char* blas_name = "cuBLAS";
using BlasStatus = cublasStatus_t;
using BlasType = cudaDataType_t;
using BlasHandle = Owned<cublasHandle_t, cublasCreate_v2, cublasDestroy_v2>;
inline const char* text_of(BlasStatus status) {
  return cublasGetStatusString(status);
}
#endif

inline void check(BlasStatus status, const char* call) {
  if (status != BlasStatus{})
    throw EnvironmentError(std::string(blas_name) + ": " + call + " failed: " + text_of(status));
}

/// The library's name of a type; nothing for float64.
inline std::optional<BlasType> blas_type_of(DataType type) {
  switch (type) {
#ifdef FLASHRNN_BENCH_HIP
    case DataType::float32:
      return HIP_R_32F;
    case DataType::float16:
      return HIP_R_16F;
    case DataType::bfloat16:
      return HIP_R_16BF;
#else
    case DataType::float32:
      return CUDA_R_32F;
    case DataType::float16:
      return CUDA_R_16F;
    case DataType::bfloat16:
      return CUDA_R_16BF;
#endif
    default:
      return std::nullopt;
  }
}

/// What products are formed of. hipBLAS rounds no float32 to TF32, whatever the precision.
struct BlasNumbers {
  BlasType type;
  MatmulPrecision precision = MatmulPrecision::highest;
};

/// A column-major operand of a product: a matrix, or one per entry of a batch at a distance.
struct Operand {
  const void* data;
  std::int64_t leading_dimension;
  bool transposed = false;
  std::int64_t stride = 0;
};

/// Products of one type with sums in float, on a stream.
class Blas {
 public:
  Blas(const Stream& stream, BlasNumbers numbers) : type_(numbers.type) {
#ifdef FLASHRNN_BENCH_HIP
    check(hipblasSetStream(handle_.get(), stream.get()), "hipblasSetStream");
#else
    check(cublasSetStream(handle_.get(), stream.get()), "cublasSetStream");
    if (type_ == CUDA_R_32F && numbers.precision == MatmulPrecision::high)
      compute_ = CUBLAS_COMPUTE_32F_FAST_TF32;
#endif
  }

  /// c [m, n] = a [m, k] · b [k, n].
  void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Operand& a, const Operand& b,
                void* c, std::int64_t ldc) const {
    const float one = 1, zero = 0;
#ifdef FLASHRNN_BENCH_HIP
    check(hipblasGemmEx_64(handle_.get(), operation(a), operation(b), m, n, k, &one, a.data, type_,
                           a.leading_dimension, b.data, type_, b.leading_dimension, &zero, c, type_,
                           ldc, HIPBLAS_COMPUTE_32F, HIPBLAS_GEMM_DEFAULT),
          "hipblasGemmEx");
#else
    check(cublasGemmEx_64(handle_.get(), operation(a), operation(b), m, n, k, &one, a.data, type_,
                          a.leading_dimension, b.data, type_, b.leading_dimension, &zero, c, type_,
                          ldc, compute_, CUBLAS_GEMM_DEFAULT),
          "cublasGemmEx");
#endif
  }

  /// The same for a batch of `count` products whose results lie `stride_c` apart.
  void multiply_batch(std::int64_t m, std::int64_t n, std::int64_t k, const Operand& a,
                      const Operand& b, void* c, std::int64_t ldc, std::int64_t stride_c,
                      std::int64_t count) const {
    const float one = 1, zero = 0;
#ifdef FLASHRNN_BENCH_HIP
    check(hipblasGemmStridedBatchedEx_64(
              handle_.get(), operation(a), operation(b), m, n, k, &one, a.data, type_,
              a.leading_dimension, a.stride, b.data, type_, b.leading_dimension, b.stride, &zero, c,
              type_, ldc, stride_c, count, HIPBLAS_COMPUTE_32F, HIPBLAS_GEMM_DEFAULT),
          "hipblasGemmStridedBatchedEx");
#else
    check(cublasGemmStridedBatchedEx_64(handle_.get(), operation(a), operation(b), m, n, k, &one,
                                        a.data, type_, a.leading_dimension, a.stride, b.data, type_,
                                        b.leading_dimension, b.stride, &zero, c, type_, ldc,
                                        stride_c, count, compute_, CUBLAS_GEMM_DEFAULT),
          "cublasGemmStridedBatchedEx");
#endif
  }

 private:
#ifdef FLASHRNN_BENCH_HIP
  static hipblasOperation_t operation(const Operand& one) {
    return one.transposed ? HIPBLAS_OP_T : HIPBLAS_OP_N;
  }
#else
  static cublasOperation_t operation(const Operand& one) {
    return one.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  }
#endif
  BlasHandle handle_;
  BlasType type_;
#ifndef FLASHRNN_BENCH_HIP
  cublasComputeType_t compute_ = CUBLAS_COMPUTE_32F;
#endif
};

}  // namespace flashrnn::bench
