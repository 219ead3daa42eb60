// SPDX-License-Identifier: Apache-2.0
// Time of one step of the recurrence, projected input given, for the shapes of the FlashRNN paper
// (hidden size 768 in heads) and every execution space of the build. Counter time_per_step is the
// figure to compare; a run is the whole sequence between two fences, workspaces reused.
#include <benchmark/benchmark.h>

#include <Kokkos_Core.hpp>
#include <string>

#include "flashrnn/plan.hpp"
#include "flashrnn/types.hpp"
#include "spaces.hpp"

namespace flashrnn::bench {
namespace {

template <class Space>
using Bytes = Kokkos::View<char*, typename Space::memory_space>;

/// `count` elements of `type`, small and different from each other.
template <class Space>
Bytes<Space> filled(DataType type, Index count) {
  Bytes<Space> bytes("tensor", static_cast<std::size_t>(count) * size_of(type));
  char* const data = bytes.data();
  Kokkos::parallel_for(
      Kokkos::RangePolicy<Space, Kokkos::IndexType<Index>>(0, count), KOKKOS_LAMBDA(const Index i) {
        const float value = static_cast<float>(i * 2654435761LL % 1021) / 1021.0f * 0.1f - 0.05f;
        switch (type) {
          case DataType::float64:
            reinterpret_cast<double*>(data)[i] = value;
            break;
          case DataType::float32:
            reinterpret_cast<float*>(data)[i] = value;
            break;
          case DataType::bfloat16:
            reinterpret_cast<bfloat16*>(data)[i] = bfloat16(value);
            break;
          case DataType::float16:
            reinterpret_cast<float16*>(data)[i] = float16(value);
            break;
        }
      });
  return bytes;
}

enum class Pass { inference, training, backward };

template <class Space>
void run(benchmark::State& state, const std::string& cell, DataType type, Shape shape, Pass pass) {
  const Space space;
  Problem problem;
  problem.cell = cell;
  problem.dtype = type;
  problem.shape = shape;
  problem.training = pass != Pass::inference;
  const Plan<Space> plan(space, problem);
  const CellDescription& c = plan.cell();
  const Index row = shape.heads * shape.head_dim, sequence = shape.steps * shape.batch * row;
  const auto x = filled<Space>(type, c.input_gates * sequence);
  const auto R = filled<Space>(type, c.recurrent_gates * row * shape.head_dim);
  const auto b = filled<Space>(type, c.bias_gates * row);
  const auto dh = filled<Space>(type, sequence);
  const auto outputs = [&](Index count) {
    return Bytes<Space>("output", static_cast<std::size_t>(count) * size_of(type));
  };
  const Bytes<Space> states = outputs(problem.training ? c.states * sequence : 0);
  const Bytes<Space> h = outputs(problem.training ? 0 : sequence);
  const Bytes<Space> dx = outputs(c.input_gates * sequence);
  const Bytes<Space> dR = outputs(c.recurrent_gates * row * shape.head_dim);
  const Bytes<Space> db = outputs(c.bias_gates * row);
  const Bytes<Space> reserve("reserve", plan.reserve_bytes());
  const Bytes<Space> forward_workspace("workspace", plan.forward_workspace_bytes());
  const Bytes<Space> backward_workspace("workspace", plan.backward_workspace_bytes());

  ForwardTensors f;
  f.x.data = x.data();
  f.R.data = R.data();
  f.b.data = b.data();
  f.states.data = problem.training ? states.data() : nullptr;
  f.h.data = problem.training ? nullptr : h.data();
  f.reserve = reserve.data();
  f.workspace = forward_workspace.data();
  BackwardTensors k;
  k.R.data = R.data();
  k.states.data = states.data();
  k.reserve = reserve.data();
  k.dh.data = dh.data();
  k.dx.data = dx.data();
  k.dR.data = dR.data();
  k.db.data = db.data();
  k.workspace = backward_workspace.data();

  plan.forward(space, f);  // warm-up, and what backward reads
  if (pass == Pass::backward) plan.backward(space, k);
  space.fence();
  for (auto _ : state) {
    if (pass == Pass::backward) {
      plan.backward(space, k);
    } else {
      plan.forward(space, f);
    }
    space.fence();
  }
  state.counters["us_per_step"] =
      benchmark::Counter(static_cast<double>(state.iterations() * shape.steps) * 1e-6,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <class Space>
void add(const std::string& cell, DataType type, Shape shape, Pass pass) {
  static const char* const names[] = {"inference", "training", "backward"};
  const std::string name = std::string(Space::name()) + "/" + cell + "/" +
                           std::string(name_of(type)) + "/" + std::to_string(shape.head_dim) + "x" +
                           std::to_string(shape.heads) + "/B" + std::to_string(shape.batch) + "/" +
                           names[static_cast<int>(pass)];
  benchmark::RegisterBenchmark(
      name.c_str(), [=](benchmark::State& state) { run<Space>(state, cell, type, shape, pass); })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

template <class Space>
void add_all() {
  constexpr bool host = Kokkos::SpaceAccessibility<Space, Kokkos::HostSpace>::accessible;
  const Index steps = host ? 64 : 1024;
  for (const DataType type : {DataType::float32, DataType::bfloat16})
    for (const Index head_dim : {16, 32, 64, 128, 256, 768})
      for (const Index batch : {1, 16})
        for (const Pass pass : {Pass::inference, Pass::training, Pass::backward})
          add<Space>("lstm", type, Shape{steps, batch, 768 / head_dim, head_dim}, pass);
  for (const char* cell : {"elman", "gru", "slstm"})
    for (const Pass pass : {Pass::inference, Pass::training, Pass::backward})
      add<Space>(cell, DataType::float32, Shape{steps, 16, 12, 64}, pass);
}

}  // namespace
}  // namespace flashrnn::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const Kokkos::ScopeGuard kokkos(argc, argv);
  flashrnn::test::Spaces::for_each([]<class Space>() { flashrnn::bench::add_all<Space>(); });
  if (benchmark::RunSpecifiedBenchmarks() == 0) return 1;
  benchmark::Shutdown();
  return 0;
}
