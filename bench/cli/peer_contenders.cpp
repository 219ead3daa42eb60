// SPDX-License-Identifier: Apache-2.0
#include "peer_contenders.hpp"

#include "../peers/peers.hpp"

namespace flashrnn::bench {
namespace {

/// Calls one after the other; empty if any of them is.
Run in_a_row(const Run& first, const Run& second) {
  if (!first || !second) return {};
  return [first, second] {
    first();
    second();
  };
}

void add(std::vector<PeerContender>& out, const Peer& peer, Pass pass) {
  const bool backward = pass == Pass::training_backward;
  const Run whole = pass == Pass::inference ? peer.forward
                    : backward              ? in_a_row(peer.training, peer.backward)
                                            : peer.training;
  if (!whole) return;
  PeerContender contender{peer.name, {peer.name, whole, peer.wait}, std::nullopt};
  const Run projection =
      backward ? in_a_row(peer.projection, peer.projection_backward) : peer.projection;
  if (projection)
    contender.projection = Contender{peer.name + ", projection", projection, peer.wait};
  out.push_back(std::move(contender));
}

}  // namespace

std::vector<PeerContender> peers_of(const Case& one, bool cpu) {
  std::vector<PeerContender> out;
  if (cpu) {
#ifdef FLASHRNN_BENCH_HOST_PEERS
    if (one.cell != "lstm") return out;
    if (const auto peer = one_dnn(one.shape, one.dtype)) add(out, *peer, one.pass);
    if (one.dtype == DataType::float32) add(out, blas_loop(one.shape), one.pass);
#endif
  } else {
#ifdef FLASHRNN_BENCH_GPU_PEERS
    if (const auto peer = vendor_rnn(one.cell, one.shape, one.dtype, one.precision))
      add(out, *peer, one.pass);
    if (const auto peer = gemm_loop(one.cell, one.shape, one.dtype, one.precision))
      add(out, *peer, one.pass);
#endif
  }
  return out;
}

}  // namespace flashrnn::bench
