// SPDX-License-Identifier: Apache-2.0
// A file for both vendors: what differs between them is in gpu.hpp and gpu_blas.hpp.
#include <Kokkos_Core.hpp>
#include <memory>

#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/recurrence/math.hpp"
#include "flashrnn/types.hpp"
#include "gpu_blas.hpp"
#include "peers.hpp"

namespace flashrnn::bench {
namespace {

using Space = Kokkos::DefaultExecutionSpace;

/// One LSTM: h [T + 1, H, B, D], R [H, D, 4·D], products and x [T, H, B, 4·D], c [H, B, D] float.
template <class Storage>
class Lstm16Or32 {
 public:
  Lstm16Or32(const Shape& s, BlasNumbers numbers)
      : s_(s),
        space_(stream_.get()),
        blas_(stream_, numbers),
        x_(elements(s.steps * 4)),
        h_(elements(s.steps + 1)),
        R_(sizeof(Storage) * static_cast<std::size_t>(s.heads * s.head_dim * s.head_dim * 4)),
        products_(elements(4)),
        c_(sizeof(float) * static_cast<std::size_t>(s.heads * s.batch * s.head_dim)) {
    check(gpu::wait_for_all(), "filling of the tensors");
  }

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
        Kokkos::RangePolicy<Space, Kokkos::IndexType<Index>>(space_, 0, all),
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
    const auto* const h = static_cast<const Storage*>(h_.data()) + t * s_.heads * one_head;
    blas_.multiply_batch(4 * d, s_.batch, d, {R_.data(), 4 * d, false, 4 * d * d},
                         {h, d, false, one_head}, products_.data(), 4 * d, 4 * one_head, s_.heads);
  }
  Shape s_;
  Stream stream_;
  Space space_;
  Blas blas_;
  DeviceMemory x_, h_, R_, products_, c_;
};

template <class Storage>
Peer peer_of(const Shape& shape, BlasNumbers numbers) {
  const auto lstm = std::make_shared<Lstm16Or32<Storage>>(shape, numbers);
  Peer peer;
  peer.name = std::string(blas_name) + " + pointwise";
  peer.forward = [lstm] { lstm->forward(); };
  peer.wait = [lstm] { lstm->wait(); };
  return peer;
}

}  // namespace

std::optional<Peer> gemm_loop(const std::string& cell, const Shape& shape, DataType type,
                              MatmulPrecision precision) {
  const auto blas = blas_type_of(type);
  if (cell != "lstm" || !blas) return std::nullopt;
  switch (type) {
    case DataType::float32:
      return peer_of<float>(shape, {*blas, precision});
    case DataType::bfloat16:
      return peer_of<bfloat16>(shape, {*blas, precision});
    case DataType::float16:
      return peer_of<float16>(shape, {*blas, precision});
    default:
      return std::nullopt;
  }
}

}  // namespace flashrnn::bench
