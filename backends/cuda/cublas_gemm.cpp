// SPDX-License-Identifier: Apache-2.0
#include <cublas_v2.h>

#include <Kokkos_Core.hpp>
#include <string>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/gemm.hpp"

namespace flashrnn {
namespace {

void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw EnvironmentError(std::string("cuBLAS: ") + call +
                           " failed: " + cublasGetStatusString(status));
}

cudaDataType_t cuda_type(DataType type) {
  switch (type) {
    case DataType::float64:
      return CUDA_R_64F;
    case DataType::float32:
      return CUDA_R_32F;
    case DataType::bfloat16:
      return CUDA_R_16BF;
    case DataType::float16:
      return CUDA_R_16F;
  }
  throw InternalError("cuBLAS: unknown data type");
}

/// Sums are formed in float for 16-bit operands, in the operands' own type otherwise; float32 is
/// rounded to TF32 where the caller lets it.
cublasComputeType_t compute_type(DataType type, MatmulPrecision float32_precision) {
  if (type == DataType::float64) return CUBLAS_COMPUTE_64F;
  return type == DataType::float32 && float32_precision == MatmulPrecision::high
             ? CUBLAS_COMPUTE_32F_FAST_TF32
             : CUBLAS_COMPUTE_32F;
}

class CublasGemm final : public Gemm<Kokkos::Cuda> {
 public:
  explicit CublasGemm(const Kokkos::Cuda& space)
      : workspace_(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "flashrnn::cublas"),
                   workspace_size) {
    check(cublasCreate(&handle_), "cublasCreate");
    space.fence("flashrnn::cublas");
  }
  CublasGemm(const CublasGemm&) = delete;
  CublasGemm& operator=(const CublasGemm&) = delete;
  ~CublasGemm() override { cublasDestroy(handle_); }

  std::size_t workspace_bytes(Index, Index, Index, DataType, DataType) const override { return 0; }

  void run(const Kokkos::Cuda& space, const GemmArguments& g) const override {
    check(cublasSetStream(handle_, space.cuda_stream()), "cublasSetStream");
    // Setting the stream resets the workspace. A workspace of our own keeps cuBLAS from allocating,
    // which it must not do while a graph is captured, and makes results the same on every run.
    check(cublasSetWorkspace(handle_, workspace_.data(), workspace_size), "cublasSetWorkspace");
    const float one_f = 1.0f, beta_f = g.accumulate ? 1.0f : 0.0f;
    const double one_d = 1.0, beta_d = g.accumulate ? 1.0 : 0.0;
    const bool wide = g.input == DataType::float64;
    const void* const alpha = wide ? static_cast<const void*>(&one_d) : &one_f;
    const void* const beta = wide ? static_cast<const void*>(&beta_d) : &beta_f;
    // cuBLAS is column-major: a row-major C = A·B is the column-major C^T = B^T·A^T.
    check(cublasGemmStridedBatchedEx_64(
              handle_, g.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
              g.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, g.columns, g.rows, g.inner, alpha, g.b,
              cuda_type(g.input), g.ldb, g.stride_b, g.a, cuda_type(g.input), g.lda, g.stride_a,
              beta, g.c, cuda_type(g.output), g.ldc, g.stride_c, g.count,
              compute_type(g.input, g.float32_precision), CUBLAS_GEMM_DEFAULT),
          "cublasGemmStridedBatchedEx");
  }

 private:
  static constexpr std::size_t workspace_size = std::size_t(32)
                                                << 20;  // NVIDIA's advice for Hopper
  Kokkos::View<char*, Kokkos::CudaSpace> workspace_;
  cublasHandle_t handle_ = nullptr;
};

}  // namespace

template <>
std::unique_ptr<Gemm<Kokkos::Cuda>> make_gemm(const Kokkos::Cuda& space) {
  return std::make_unique<CublasGemm>(space);
}

}  // namespace flashrnn
