// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gpu_blas.hpp"
#include "peers.hpp"

namespace flashrnn::bench {

/// What a library's RNN of one layer needs for one head: tensors with input size = head_dim, a
/// stream of its own, so that heads may overlap, and the input projection by itself, as the
/// vendor's product of the same shapes.
class RnnHead {
 public:
  RnnHead(const Shape& s, int gates, DataType type, BlasNumbers numbers)
      : gates_(gates),
        rows_(s.steps * s.batch),
        dim_(s.head_dim),
        blas_(stream_, numbers),
        x_(bytes(rows_ * dim_, type)),
        y_(bytes(rows_ * dim_, type)),
        dx_(bytes(rows_ * dim_, type)),
        dy_(bytes(rows_ * dim_, type)),
        gate_rows_(bytes(rows_ * gates * dim_, type)),
        W_(bytes(gates * dim_ * dim_, type)),
        dW_(bytes(gates * dim_ * dim_, type)) {}

  [[nodiscard]] const Stream& stream() const { return stream_; }
  void wait() const { stream_.wait(); }
  [[nodiscard]] void* x() const { return x_.data(); }
  [[nodiscard]] void* y() const { return y_.data(); }
  [[nodiscard]] void* dx() const { return dx_.data(); }
  [[nodiscard]] void* dy() const { return dy_.data(); }

  /// gates [rows, G·D] = x [rows, D] · W [D, G·D], row-major.
  void project() const {
    const Index wide = gates_ * dim_;
    blas_.multiply(wide, rows_, dim_, {W_.data(), wide}, {x_.data(), dim_}, gate_rows_.data(),
                   wide);
  }
  /// dx = dgates · W^T and dW = x^T · dgates.
  void project_backward() const {
    const Index wide = gates_ * dim_;
    blas_.multiply(dim_, rows_, wide, {W_.data(), wide, true}, {gate_rows_.data(), wide},
                   dx_.data(), dim_);
    blas_.multiply(wide, dim_, rows_, {gate_rows_.data(), wide}, {x_.data(), dim_, true},
                   dW_.data(), wide);
  }

 private:
  static std::size_t bytes(Index count, DataType type) {
    return static_cast<std::size_t>(count) * size_of(type);
  }
  Index gates_, rows_, dim_;
  Stream stream_;
  Blas blas_;
  DeviceMemory x_, y_, dx_, dy_, gate_rows_, W_, dW_;
};

/// A peer whose passes are those of its heads, enqueued one after the other. `Head` is an RnnHead
/// with forward(bool training) and backward().
template <class Head>
Peer peer_of_heads(std::string name, std::vector<std::unique_ptr<Head>> all_heads) {
  const auto heads =
      std::make_shared<const std::vector<std::unique_ptr<Head>>>(std::move(all_heads));
  check(gpu::wait_for_all(), "filling of the tensors");
  const auto all = [heads](const auto& body) -> Run {
    return [heads, body] {
      for (const auto& head : *heads) body(*head);
    };
  };
  Peer peer;
  peer.name = std::move(name);
  peer.forward = all([](Head& head) { head.forward(false); });
  peer.training = all([](Head& head) { head.forward(true); });
  peer.backward = all([](Head& head) { head.backward(); });
  peer.projection = all([](Head& head) { head.project(); });
  peer.projection_backward = all([](Head& head) { head.project_backward(); });
  peer.wait = all([](Head& head) { head.wait(); });
  return peer;
}

}  // namespace flashrnn::bench
