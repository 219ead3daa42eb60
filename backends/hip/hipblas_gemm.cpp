// SPDX-License-Identifier: Apache-2.0
// The interface that counts in 64 bits and takes compute types, of hipBLAS 2 and later.
#ifndef HIPBLAS_V2
#define HIPBLAS_V2
#endif
#include <hipblas/hipblas.h>

#include <Kokkos_Core.hpp>
#include <string>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/gemm.hpp"

namespace flashrnn {
namespace {

void check(hipblasStatus_t status, const char* call) {
  if (status != HIPBLAS_STATUS_SUCCESS)
    throw EnvironmentError(std::string("hipBLAS: ") + call +
                           " failed: " + hipblasStatusToString(status));
}

hipDataType hip_type(DataType type) {
  switch (type) {
    case DataType::float64:
      return HIP_R_64F;
    case DataType::float32:
      return HIP_R_32F;
    case DataType::bfloat16:
      return HIP_R_16BF;
    case DataType::float16:
      return HIP_R_16F;
  }
  throw InternalError("hipBLAS: unknown data type");
}

class HipblasGemm final : public Gemm<Kokkos::HIP> {
 public:
  HipblasGemm() { check(hipblasCreate(&handle_), "hipblasCreate"); }
  HipblasGemm(const HipblasGemm&) = delete;
  HipblasGemm& operator=(const HipblasGemm&) = delete;
  ~HipblasGemm() override { hipblasDestroy(handle_); }

  std::size_t workspace_bytes(Index, Index, Index, DataType, DataType) const override { return 0; }

  void run(const Kokkos::HIP& space, const GemmArguments& g) const override {
    check(hipblasSetStream(handle_, space.hip_stream()), "hipblasSetStream");
    if (const auto flat = flattened(g)) return multiply(*flat);
    for (Index outer = 0; outer < g.outer_count; ++outer) multiply(outer_part(g, outer));
  }

 private:
  /// Products of an outer count of 1.
  void multiply(const GemmArguments& g) const {
    const float one_f = 1.0f, beta_f = g.accumulate ? 1.0f : 0.0f;
    const double one_d = 1.0, beta_d = g.accumulate ? 1.0 : 0.0;
    const bool wide = g.input == DataType::float64;
    const void* const alpha = wide ? static_cast<const void*>(&one_d) : &one_f;
    const void* const beta = wide ? static_cast<const void*>(&beta_d) : &beta_f;
    // hipBLAS is column-major: a row-major C = A·B is the column-major C^T = B^T·A^T.
    check(hipblasGemmStridedBatchedEx_64(
              handle_, g.transpose_b ? HIPBLAS_OP_T : HIPBLAS_OP_N,
              g.transpose_a ? HIPBLAS_OP_T : HIPBLAS_OP_N, g.columns, g.rows, g.inner, alpha, g.b,
              hip_type(g.input), g.ldb, g.stride_b, g.a, hip_type(g.input), g.lda, g.stride_a, beta,
              g.c, hip_type(g.output), g.ldc, g.stride_c, g.count,
              wide ? HIPBLAS_COMPUTE_64F : HIPBLAS_COMPUTE_32F, HIPBLAS_GEMM_DEFAULT),
          "hipblasGemmStridedBatchedEx");
  }

  hipblasHandle_t handle_ = nullptr;
};

}  // namespace

template <>
std::unique_ptr<Gemm<Kokkos::HIP>> make_gemm(const Kokkos::HIP&) {
  return std::make_unique<HipblasGemm>();
}

}  // namespace flashrnn
