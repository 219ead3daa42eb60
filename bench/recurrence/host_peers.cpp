// SPDX-License-Identifier: Apache-2.0
// Time of one step of an LSTM's recurrence on the host, beside oneDNN and a BLAS loop, in one
// process, the contenders in turn, medians over rounds (or minima, for a machine that others use).
// Usage:
//
//     OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 host_peers [--rounds N] [--steps T] [--only DxHxB]
//                                                         [--type float32|bfloat16] [--cell NAME]
//                                                         [--statistic median|min]
//                                                         [--prepared no|forward]
//                                                         [--peers yes|no]
//
// `--prepared forward`: our forward runs with R_is_prepared, as oneDNN's does with weights that it
// reordered before; else R is packed in every call. `--peers no` runs our own alone.
// Figures are microseconds per step. oneDNN's LSTM contains the input projection; "net" is its time
// less that of matrix products of the same shapes by its own matmul primitive, and ratios are of
// net to ours. GFLOP/s count the products of the recurrence alone.
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "../peers/peers.hpp"
#include "flashrnn/plan.hpp"
#include "flashrnn/types.hpp"

namespace flashrnn::bench {
namespace {

using Space = Kokkos::DefaultHostExecutionSpace;
using Bytes = Kokkos::View<char*, Kokkos::HostSpace>;

Bytes filled(DataType type, Index count) {
  Bytes bytes("tensor", static_cast<std::size_t>(count) * size_of(type));
  for (Index i = 0; i < count; ++i) {
    const float value = static_cast<float>(i * 2654435761LL % 1021) / 1021.0f * 0.1f - 0.05f;
    if (type == DataType::bfloat16) {
      reinterpret_cast<bfloat16*>(bytes.data())[i] = bfloat16(value);
    } else {
      reinterpret_cast<float*>(bytes.data())[i] = value;
    }
  }
  return bytes;
}

/// Our own recurrence, forward for inference and for training, and backward with dx, dR, db, ds0.
Peer ours(const std::string& cell, DataType type, const Shape& shape, bool prepared) {
  struct Case {
    std::unique_ptr<Plan<Space>> inference, training;
    std::vector<Bytes> memory;
    ForwardTensors f, t;
    BackwardTensors k;
    Space space;
  };
  auto c = std::make_shared<Case>();
  Problem problem;
  problem.cell = cell;
  problem.dtype = type;
  problem.shape = shape;
  c->inference = std::make_unique<Plan<Space>>(c->space, problem);
  problem.training = true;
  c->training = std::make_unique<Plan<Space>>(c->space, problem);
  const CellDescription& d = c->training->cell();
  const Index row = shape.heads * shape.head_dim, sequence = shape.steps * shape.batch * row;
  const auto tensor = [&](Index count) {
    c->memory.push_back(filled(type, count));
    return c->memory.back().data();
  };
  const auto bytes = [&](std::size_t count) {
    c->memory.emplace_back("workspace", count);
    return c->memory.back().data();
  };
  c->f.x.data = tensor(d.input_gates * sequence);
  c->f.R.data = tensor(d.recurrent_gates * row * shape.head_dim);
  c->f.b.data = tensor(d.bias_gates * row);
  c->t = c->f;
  c->f.h.data = tensor(sequence);
  c->f.workspace = bytes(c->inference->forward_workspace_bytes());
  c->t.states.data = tensor(d.states * sequence);
  c->t.reserve = bytes(c->training->reserve_bytes());
  c->t.workspace = bytes(c->training->forward_workspace_bytes());
  c->k.R.data = c->f.R.data;
  c->k.states.data = c->t.states.data;
  c->k.reserve = c->t.reserve;
  c->k.dh.data = tensor(sequence);
  c->k.dx.data = tensor(d.input_gates * sequence);
  c->k.dR.data = tensor(d.recurrent_gates * row * shape.head_dim);
  c->k.db.data = tensor(d.bias_gates * row);
  c->k.workspace = bytes(c->training->backward_workspace_bytes());
  if (prepared) {
    c->inference->forward(c->space, c->f);
    c->training->forward(c->space, c->t);
    c->f.R_is_prepared = c->t.R_is_prepared = true;
  }
  Peer peer;
  peer.name = "ours";
  peer.forward = [c] { c->inference->forward(c->space, c->f), c->space.fence(); };
  peer.training = [c] { c->training->forward(c->space, c->t), c->space.fence(); };
  peer.backward = [c] { c->training->backward(c->space, c->k), c->space.fence(); };
  return peer;
}

struct Options {
  int rounds = 15;
  Index steps = 256;
  bool minima = false, prepared = false, peers = true;
  DataType type = DataType::float32;
  std::string cell = "lstm", only;
};

/// Median (or least) microseconds per step of each run; the runs take turns.
std::vector<double> times_of(const std::vector<Run>& runs, int rounds, Index steps, bool least) {
  std::vector<std::vector<double>> times(runs.size());
  for (int round = -1; round < rounds; ++round)  // the first one warms up
    for (std::size_t n = 0; n < runs.size(); ++n) {
      if (!runs[n]) continue;
      const auto begin = std::chrono::steady_clock::now();
      runs[n]();
      const std::chrono::duration<double, std::micro> time =
          std::chrono::steady_clock::now() - begin;
      if (round >= 0) times[n].push_back(time.count() / static_cast<double>(steps));
    }
  std::vector<double> out;
  for (auto& t : times) {
    std::sort(t.begin(), t.end());
    out.push_back(t.empty() ? 0 : t[least ? 0 : t.size() / 2]);
  }
  return out;
}

void measure(const Options& options, Index dim, Index heads, Index batch) {
  // Long enough for a stable time, short enough for memory: at most 2^26 gate values.
  Shape shape{options.steps, batch, heads, dim};
  const std::string name =
      std::to_string(dim) + "x" + std::to_string(heads) + "x" + std::to_string(batch);
  if (!options.only.empty() && options.only != name) return;
  const bool lstm = options.cell == "lstm" && options.peers;
  const Peer own = ours(options.cell, options.type, shape, options.prepared);
  const std::optional<Peer> dnn = lstm ? one_dnn(shape, options.type) : std::nullopt;
  const Peer blas = lstm && options.type == DataType::float32 ? blas_loop(shape) : Peer{};
  const Peer none;
  const Peer& d = dnn ? *dnn : none;
  const auto us = times_of({own.forward, own.training, own.backward, d.forward, d.training,
                            d.backward, d.projection, d.projection_backward, blas.forward},
                           options.rounds, shape.steps, options.minima);
  CellDescription cell = find_cell(options.cell);
  const double flops = 2.0 * cell.recurrent_gates * static_cast<double>(dim * dim * heads * batch);
  const auto net = [](double all, double projection) { return all > 0 ? all - projection : 0; };
  const auto ratio = [](double peer, double own_time) { return peer > 0 ? peer / own_time : 0; };
  const double forward = net(us[3], us[6]), training = net(us[4], us[6]),
               backward = net(us[5], us[7]);
  std::printf(
      "| %-9s | %8.2f | %6.1f | %8.2f | %8.2f | %6.1f | %8.2f | %8.2f | %5.2f | %8.2f | "
      "%5.2f | %8.2f | %5.2f | %8.2f | %5.2f |\n",
      name.c_str(), us[0], flops / us[0] * 1e-3, us[1], us[2], 2 * flops / us[2] * 1e-3, us[3],
      forward, ratio(forward, us[0]), training, ratio(training, us[1]), backward,
      ratio(backward, us[2]), us[8], ratio(us[8], us[0]));
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  Options options;
  for (int n = 1; n + 1 < argc; n += 2) {
    const std::string key = argv[n], value = argv[n + 1];
    if (key == "--rounds") {
      options.rounds = std::max(1, std::atoi(value.c_str()));
    } else if (key == "--steps") {
      options.steps = std::max(1, std::atoi(value.c_str()));
    } else if (key == "--statistic") {
      options.minima = value == "min";
    } else if (key == "--prepared") {
      options.prepared = value == "forward";
    } else if (key == "--peers") {
      options.peers = value != "no";
    } else if (key == "--only") {
      options.only = value;
    } else if (key == "--type") {
      options.type = data_type_from_name(value);
    } else if (key == "--cell") {
      options.cell = value;
    } else {
      std::fprintf(stderr, "host_peers: unknown option %s\n", key.c_str());
      return 2;
    }
  }
  if (options.type != DataType::float32 && options.type != DataType::bfloat16) {
    std::fprintf(stderr, "host_peers: --type is float32 or bfloat16\n");
    return 2;
  }
  const Space space;
  std::printf("%s %s, %d thread(s), %lld steps, %s of %d rounds%s; oneDNN: %s\n",
              options.cell.c_str(), std::string(name_of(options.type)).c_str(), space.concurrency(),
              options.steps, options.minima ? "least" : "median", options.rounds,
              options.prepared ? ", R prepared before forward" : "",
              one_dnn(Shape{1, 1, 1, 16}, options.type).value_or(Peer()).name.c_str());
  std::printf(
      "| D x H x B | ours     | GF/s   | training | backward | GF/s   | oneDNN   | net      "
      "| ratio | training | ratio | backward | ratio | BLAS     | ratio |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const Index dim : {16, 32, 64, 128, 256, 768, 1024})
    for (const Index batch : {1, 16}) measure(options, dim, std::max<Index>(1, 768 / dim), batch);
  return 0;
}

}  // namespace
}  // namespace flashrnn::bench

int main(int argc, char** argv) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  return flashrnn::bench::run(argc, argv);
}
