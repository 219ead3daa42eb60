// SPDX-License-Identifier: Apache-2.0
#include <cublas_v2.h>

#include <Kokkos_Core.hpp>
#include <cstdint>
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

/// The matrices of all products as cuBLAS reads them: arrays of pointers in device memory.
struct PointerArrays {
  const void** a;
  const void** b;
  void** c;
};

/// Writes the pointers of product n = outer·count + inner.
struct WritePointers {
  GemmArguments g;
  Index input_bytes, output_bytes;
  PointerArrays to;

  KOKKOS_FUNCTION void operator()(const Index n) const {
    const Index outer = n / g.count, inner = n % g.count;
    to.a[n] = static_cast<const char*>(g.a) +
              (outer * g.outer_stride_a + inner * g.stride_a) * input_bytes;
    to.b[n] = static_cast<const char*>(g.b) +
              (outer * g.outer_stride_b + inner * g.stride_b) * input_bytes;
    to.c[n] =
        static_cast<char*>(g.c) + (outer * g.outer_stride_c + inner * g.stride_c) * output_bytes;
  }
};

/// cuBLAS cannot see the addresses in arrays of pointers, so it asks for addresses at multiples of
/// 16 bytes, where it would look itself otherwise.
bool all_aligned(const GemmArguments& g) {
  constexpr std::uintptr_t alignment = 16;
  const auto aligned = [](const void* start, Index stride, Index outer_stride, DataType type) {
    const auto bytes = [type](Index elements) {
      return static_cast<std::uintptr_t>(elements) * size_of(type);
    };
    return (reinterpret_cast<std::uintptr_t>(start) | bytes(stride) | bytes(outer_stride)) %
               alignment ==
           0;
  };
  return aligned(g.a, g.stride_a, g.outer_stride_a, g.input) &&
         aligned(g.b, g.stride_b, g.outer_stride_b, g.input) &&
         aligned(g.c, g.stride_c, g.outer_stride_c, g.output);
}

/// alpha and beta in the type that cuBLAS reads them in.
class Factors {
 public:
  explicit Factors(const GemmArguments& g) : wide_(g.input == DataType::float64) {
    beta_f_ = g.accumulate ? 1.0f : 0.0f;
    beta_d_ = g.accumulate ? 1.0 : 0.0;
  }
  const void* alpha() const { return wide_ ? static_cast<const void*>(&one_d_) : &one_f_; }
  const void* beta() const { return wide_ ? static_cast<const void*>(&beta_d_) : &beta_f_; }

 private:
  bool wide_;
  float one_f_ = 1.0f, beta_f_ = 0.0f;
  double one_d_ = 1.0, beta_d_ = 0.0;
};

class CublasGemm final : public Gemm<Kokkos::Cuda> {
 public:
  explicit CublasGemm(const Kokkos::Cuda& space)
      : workspace_(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "flashrnn::cublas"),
                   workspace_size),
        pointers_(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "flashrnn::gemm_pointers"),
                  3 * most_pointers * sizeof(void*)) {
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
    // One call for all products, because few small ones leave multiprocessors idle.
    if (const auto flat = flattened(g)) {
      multiply(*flat);
    } else if (g.outer_count * g.count <= most_pointers && all_aligned(g)) {
      multiply_by_pointers(space, g);
    } else {
      for (Index outer = 0; outer < g.outer_count; ++outer) multiply(outer_part(g, outer));
    }
  }

 private:
  // cuBLAS is column-major: a row-major C = A·B is the column-major C^T = B^T·A^T.

  /// Products of an outer count of 1.
  void multiply(const GemmArguments& g) const {
    const Factors factors(g);
    check(
        cublasGemmStridedBatchedEx_64(
            handle_, operation(g.transpose_b), operation(g.transpose_a), g.columns, g.rows, g.inner,
            factors.alpha(), g.b, cuda_type(g.input), g.ldb, g.stride_b, g.a, cuda_type(g.input),
            g.lda, g.stride_a, factors.beta(), g.c, cuda_type(g.output), g.ldc, g.stride_c, g.count,
            compute_type(g.input, g.float32_precision), CUBLAS_GEMM_DEFAULT),
        "cublasGemmStridedBatchedEx");
  }

  /// The pointers are written on the stream, so that a captured graph writes them anew. As for the
  /// workspace, calls must not overlap.
  void multiply_by_pointers(const Kokkos::Cuda& space, const GemmArguments& g) const {
    const Index products = g.outer_count * g.count;
    auto** const all = reinterpret_cast<void**>(pointers_.data());
    const PointerArrays arrays{const_cast<const void**>(all),
                               const_cast<const void**>(all + products), all + 2 * products};
    Kokkos::parallel_for(
        "flashrnn::gemm_pointers",
        Kokkos::RangePolicy<Kokkos::Cuda, Kokkos::IndexType<Index>>(space, 0, products),
        WritePointers{g, static_cast<Index>(size_of(g.input)),
                      static_cast<Index>(size_of(g.output)), arrays});
    const Factors factors(g);
    check(cublasGemmBatchedEx_64(handle_, operation(g.transpose_b), operation(g.transpose_a),
                                 g.columns, g.rows, g.inner, factors.alpha(), arrays.b,
                                 cuda_type(g.input), g.ldb, arrays.a, cuda_type(g.input), g.lda,
                                 factors.beta(), arrays.c, cuda_type(g.output), g.ldc, products,
                                 compute_type(g.input, g.float32_precision), CUBLAS_GEMM_DEFAULT),
          "cublasGemmBatchedEx");
  }

  static cublasOperation_t operation(bool transpose) {
    return transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
  }

  static constexpr std::size_t workspace_size = std::size_t(32)
                                                << 20;  // NVIDIA's advice for Hopper
  static constexpr Index most_pointers = 1024;  ///< products; beyond, one call per outer index
  Kokkos::View<char*, Kokkos::CudaSpace> workspace_;
  Kokkos::View<char*, Kokkos::CudaSpace> pointers_;
  cublasHandle_t handle_ = nullptr;
};

}  // namespace

template <>
std::unique_ptr<Gemm<Kokkos::Cuda>> make_gemm(const Kokkos::Cuda& space) {
  return std::make_unique<CublasGemm>(space);
}

}  // namespace flashrnn
