// SPDX-License-Identifier: Apache-2.0
// What the interface of a plan does not show: the kernels in a captured graph, and several
// recurrences at once on streams and threads of their own. Runs on a GPU.
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <type_traits>
#include <vector>

#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/types.hpp"
#include "small_heads/recurrence.hpp"
#include "spread_heads/recurrence.hpp"

namespace flashrnn::cuda {
namespace {

/// Heads that fit one multiprocessor, that a cluster shares, and that blocks share which meet in
/// L2, with few and with many rows of the batch.
struct OneBlock {
  using Recurrence = SmallHeads;
  static constexpr Shape shape{50, 6, 3, 40};
};
struct InACluster {
  using Recurrence = SpreadHeads;
  static constexpr Shape shape{50, 6, 3, 256};
};
struct MeetingInL2 {
  using Recurrence = SpreadHeads;
  static constexpr Shape shape{50, 6, 1, 1024};
};
struct ManyRows {
  using Recurrence = SpreadHeads;
  static constexpr Shape shape{50, 200, 1, 512};
};

/// An LSTM with its tensors on the device, outputs filled with a pattern.
template <class Kind>
class Case {
 public:
  using Recurrence = typename Kind::Recurrence;
  static constexpr bool spread = std::is_same_v<Recurrence, SpreadHeads>;
  explicit Case(unsigned seed) : generator_(seed) {
    problem_.dtype = DataType::bfloat16;
    problem_.shape = Kind::shape;
    problem_.training = true;
    std::string reason;
    recurrence_ = Recurrence::make(problem_, native_cell<Lstm>(), current_device(), reason);
    if (recurrence_ == nullptr) throw std::runtime_error(reason);
    const Shape& s = problem_.shape;
    const auto row = static_cast<std::size_t>(s.heads * s.head_dim);
    const auto rows = static_cast<std::size_t>(s.steps * s.batch);
    constexpr auto order = SequenceOrder::time_major;
    forward_.x = {input(rows * 4 * row), gate_strides(s, 4, order)};
    forward_.R = {input(4 * row * static_cast<std::size_t>(s.head_dim), 0.02f), matrix_strides(s)};
    forward_.b = {input(4 * row), bias_strides(s)};
    forward_.states = {output(2 * rows * row), state_sequence_strides(s, order)};
    forward_.reserve = scratch(recurrence_->reserve_bytes());
    forward_.workspace = scratch(recurrence_->forward_workspace_bytes());
    backward_.R = forward_.R;
    backward_.states = {forward_.states.data, forward_.states.strides};
    backward_.reserve = forward_.reserve;
    backward_.dh = {input(rows * row), state_sequence_strides(s, order)};
    backward_.dx = {output(rows * 4 * row), gate_strides(s, 4, order)};
    if constexpr (!spread)
      backward_.dR = {output(4 * row * static_cast<std::size_t>(s.head_dim)), matrix_strides(s)};
    backward_.db = {output(4 * row), bias_strides(s)};
    backward_.workspace = scratch(recurrence_->backward_workspace_bytes());
  }
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;
  ~Case() {
    for (void* const pointer : memory_) cudaFree(pointer);
  }

  void run(cudaStream_t stream) const {
    recurrence_->forward(stream, forward_);
    if constexpr (spread) {
      Sequence d_gate[max_gates];
      recurrence_->backward(stream, backward_, d_gate);
    } else {
      recurrence_->backward(stream, backward_);
    }
  }
  void poison() const {
    for (const auto& [data, count] : outputs_)
      check(cudaMemset(data, 0xC5, 2 * count), "cudaMemset");
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  }
  std::vector<unsigned short> results() const {
    std::vector<unsigned short> all;
    for (const auto& [data, count] : outputs_) {
      std::vector<unsigned short> one(count);
      check(cudaMemcpy(one.data(), data, 2 * count, cudaMemcpyDeviceToHost), "cudaMemcpy");
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }

 private:
  void* scratch(std::size_t bytes) {
    void* data = nullptr;
    check(cudaMalloc(&data, bytes + 16), "cudaMalloc");
    memory_.push_back(data);
    return data;
  }
  void* input(std::size_t count, float scale = 1.0f) {
    std::uniform_real_distribution<float> uniform(-scale, scale);
    std::vector<bfloat16> host(count);
    for (bfloat16& element : host) element = bfloat16(uniform(generator_));
    void* const data = scratch(2 * count);
    check(cudaMemcpy(data, host.data(), 2 * count, cudaMemcpyHostToDevice), "cudaMemcpy");
    return data;
  }
  void* output(std::size_t count) {
    void* const data = scratch(2 * count);
    outputs_.emplace_back(data, count);
    return data;
  }

  std::mt19937 generator_;
  Problem problem_;
  std::unique_ptr<Recurrence> recurrence_;
  std::vector<void*> memory_;
  std::vector<std::pair<void*, std::size_t>> outputs_;
  ForwardTensors forward_;
  BackwardTensors backward_;
};

class Stream {
 public:
  Stream() {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

template <class Kind>
std::vector<unsigned short> expected_results(const Case<Kind>& one) {
  one.poison();
  one.run(nullptr);
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  return one.results();
}

template <class Kind>
class Streams : public testing::Test {};
using Kinds = testing::Types<OneBlock, InACluster, MeetingInL2, ManyRows>;
TYPED_TEST_SUITE(Streams, Kinds);

TYPED_TEST(Streams, RunInACapturedGraph) {
  const Case<TypeParam> one(1);
  const std::vector<unsigned short> expected = expected_results(one);
  const Stream stream;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
  one.run(stream);
  check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
  check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  for (int n = 0; n < 3; ++n) {
    one.poison();
    check(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
    check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    EXPECT_EQ(one.results(), expected) << "launch " << n;
  }
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

TYPED_TEST(Streams, RunSideBySideFromSeveralThreads) {
  constexpr int threads = 4;
  std::vector<std::unique_ptr<Case<TypeParam>>> all;
  std::vector<std::vector<unsigned short>> expected;
  for (unsigned n = 0; n < threads; ++n) {
    all.push_back(std::make_unique<Case<TypeParam>>(n + 10));
    expected.push_back(expected_results(*all.back()));
    all.back()->poison();
  }
  EXPECT_NE(expected[0], expected[1]);
  std::vector<std::thread> running;
  for (int n = 0; n < threads; ++n)
    running.emplace_back([&one = *all[static_cast<std::size_t>(n)]] {
      const Stream stream;
      for (int repetition = 0; repetition < 20; ++repetition) one.run(stream);
      check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    });
  for (std::thread& thread : running) thread.join();
  for (std::size_t n = 0; n < threads; ++n)
    EXPECT_EQ(all[n]->results(), expected[n]) << "thread " << n;
}

}  // namespace
}  // namespace flashrnn::cuda
