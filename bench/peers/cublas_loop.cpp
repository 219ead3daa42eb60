// SPDX-License-Identifier: Apache-2.0
#include <cublas_v2.h>

#include <Kokkos_Core.hpp>
#include <memory>
#include <utility>

#include "cuda_memory.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/recurrence/math.hpp"
#include "flashrnn/types.hpp"
#include "peers.hpp"

namespace flashrnn::bench {
namespace {

using bench::check;

void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw EnvironmentError(std::string("cuBLAS: ") + call +
                           " failed: " + cublasGetStatusString(status));
}

/// One LSTM: h [T + 1, H, B, D], R [H, D, 4·D], products and x [T, H, B, 4·D], c [H, B, D] float.
template <class Storage>
class Lstm16Or32 {
 public:
  Lstm16Or32(const Shape& s, cudaDataType_t type)
      : s_(s),
        type_(type),
        space_(stream_.get()),
        x_(elements(s.steps * 4)),
        h_(elements(s.steps + 1)),
        R_(sizeof(Storage) * static_cast<std::size_t>(s.heads * s.head_dim * s.head_dim * 4)),
        products_(elements(4)),
        c_(sizeof(float) * static_cast<std::size_t>(s.heads * s.batch * s.head_dim)) {
    check(cublasCreate(&handle_), "cublasCreate");
    check(cublasSetStream(handle_, stream_.get()), "cublasSetStream");
  }
  Lstm16Or32(const Lstm16Or32&) = delete;
  Lstm16Or32& operator=(const Lstm16Or32&) = delete;
  ~Lstm16Or32() { cublasDestroy(handle_); }

  void forward() {
    for (Index t = 0; t < s_.steps; ++t) {
      multiply(t);
      point(t);
    }
  }
  void wait() const { stream_.wait(); }
  /// Public because nvcc wants it so of a function with a kernel in it.
  void point(Index t) {
    const Index d = s_.head_dim, all = s_.heads * s_.batch * d;
    const auto* const x = static_cast<const Storage*>(x_.data()) + t * 4 * all;
    const auto* const products = static_cast<const Storage*>(products_.data());
    auto* const h = static_cast<Storage*>(h_.data()) + (t + 1) * all;
    auto* const c = static_cast<float*>(c_.data());
    Kokkos::parallel_for(
        Kokkos::RangePolicy<Kokkos::Cuda, Kokkos::IndexType<Index>>(space_, 0, all),
        KOKKOS_LAMBDA(const Index i) {
          const Index row = i / d, unit = i % d;
          float gate[4], previous[2] = {0, c[i]}, next[2], save[4];
          for (int n = 0; n < 4; ++n) {
            const Index at = row * 4 * d + n * d + unit;
            gate[n] = static_cast<float>(x[at]) + static_cast<float>(products[at]);
          }
          Lstm::forward<KokkosMath<float>>(gate, previous, next, save);
          c[i] = next[1];
          h[i] = Storage(next[0]);
        });
  }

 private:
  [[nodiscard]] std::size_t elements(Index channels) const {
    return sizeof(Storage) * static_cast<std::size_t>(channels * s_.heads * s_.batch * s_.head_dim);
  }
  /// products [H, B, 4·D] = h(t) [H, B, D] · R [H, D, 4·D].
  void multiply(Index t) {
    const Index d = s_.head_dim, one_head = s_.batch * d;
    const float one = 1, zero = 0;
    const auto* const h = static_cast<const Storage*>(h_.data()) + t * s_.heads * one_head;
    check(cublasGemmStridedBatchedEx_64(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 4 * d, s_.batch, d, &one,
                                        R_.data(), type_, 4 * d, 4 * d * d, h, type_, d, one_head,
                                        &zero, products_.data(), type_, 4 * d, 4 * one_head,
                                        s_.heads, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
          "cublasGemmStridedBatchedEx");
  }
  Shape s_;
  cudaDataType_t type_;
  Stream stream_;
  Kokkos::Cuda space_;
  DeviceMemory x_, h_, R_, products_, c_;
  cublasHandle_t handle_ = nullptr;
};

template <class Storage>
Peer peer_of(const Shape& shape, cudaDataType_t type) {
  const auto lstm = std::make_shared<Lstm16Or32<Storage>>(shape, type);
  Peer peer;
  peer.name = "cuBLAS + pointwise";
  peer.forward = [lstm] { lstm->forward(); };
  peer.wait = [lstm] { lstm->wait(); };
  return peer;
}

}  // namespace

std::optional<Peer> cublas_loop(const std::string& cell, const Shape& shape, DataType type) {
  if (cell != "lstm") return std::nullopt;
  switch (type) {
    case DataType::float32:
      return peer_of<float>(shape, CUDA_R_32F);
    case DataType::bfloat16:
      return peer_of<bfloat16>(shape, CUDA_R_16BF);
    case DataType::float16:
      return peer_of<float16>(shape, CUDA_R_16F);
    default:
      return std::nullopt;
  }
}

}  // namespace flashrnn::bench
