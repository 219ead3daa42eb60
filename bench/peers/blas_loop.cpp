// SPDX-License-Identifier: Apache-2.0
#include <cblas.h>

#include <memory>

#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/recurrence/host/vector_math.hpp"
#include "peers.hpp"

namespace flashrnn::bench {
namespace {

using Isa = host::IsaOfThisFile;
using Real = host::Vector<Isa, float>;
constexpr int lanes = Real::lanes;

struct Data {
  std::vector<float> x;  // [T, B, H, 4, D]: a head's gates beside each other for the product
  std::vector<float> R;  // [H, 4·D, D]
  std::vector<float> h;  // [T + 1, B, H, D]
  std::vector<float> c;  // [B, H, D]
};

/// One step of one head for all rows; head_dim is a multiple of `lanes` in all shapes measured.
void point(const Shape& s, Index step, Index head, Data& data) {
  for (Index row = 0; row < s.batch; ++row) {
    const Index place = (row * s.heads + head) * s.head_dim;
    const float* const gates =
        data.x.data() + step * s.batch * s.heads * 4 * s.head_dim + 4 * place;
    float* const h = data.h.data() + (step + 1) * s.batch * s.heads * s.head_dim + place;
    float* const c = data.c.data() + place;
    for (Index unit = 0; unit + lanes <= s.head_dim; unit += lanes) {
      Real gate[4], previous[2] = {Real(0), Real::load(c + unit)}, next[2], save[4];
      for (int n = 0; n < 4; ++n) gate[n] = Real::load(gates + n * s.head_dim + unit);
      Lstm::forward<host::VectorMath<Isa, float>>(gate, previous, next, save);
      next[1].store(c + unit);
      next[0].store(h + unit);
    }
  }
}

}  // namespace

Peer blas_loop(const Shape& s) {
  auto data = std::make_shared<Data>();
  const auto n = [](Index count) { return static_cast<std::size_t>(count); };
  const Index row = s.heads * s.head_dim;
  data->x.assign(n(s.steps * s.batch * row * 4), 0.1f);
  data->R.assign(n(row * 4 * s.head_dim), 0.01f);
  data->h.assign(n((s.steps + 1) * s.batch * row), 0.0f);
  data->c.assign(n(s.batch * row), 0.0f);
  Peer peer;
  peer.name = "BLAS loop";
  peer.forward = [data, s] {
    const auto dim = static_cast<int>(s.head_dim), batch = static_cast<int>(s.batch);
    const int ld = static_cast<int>(s.heads * s.head_dim);
    for (Index step = 0; step < s.steps; ++step)
      for (Index head = 0; head < s.heads; ++head) {
        const Index before = step * s.batch * ld + head * dim;
        float* const x = data->x.data() + step * s.batch * ld * 4 + head * dim * 4;
        const float* const R = data->R.data() + head * dim * dim * 4;
        // The sums are added to x in place; they grow from run to run, which changes no timing.
        if (s.batch == 1) {
          cblas_sgemv(CblasRowMajor, CblasNoTrans, 4 * dim, dim, 1.0f, R, dim,
                      data->h.data() + before, 1, 0.5f, x, 1);
        } else {
          cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, batch, 4 * dim, dim, 1.0f,
                      data->h.data() + before, ld, R, dim, 0.5f, x, 4 * ld);
        }
        point(s, step, head, *data);
      }
  };
  return peer;
}

}  // namespace flashrnn::bench
