// SPDX-License-Identifier: Apache-2.0
// cuda_kernels_bench: device times of the CUDA kernels, medians of CUDA events, with the caches
// flushed before every run. One line per cell, type, heads and batch: milliseconds of inference,
// of forward for training, of backward (with dx, dR, db, ds0) and of its recurrence alone.
//   cuda_kernels_bench                            all of them
//   cuda_kernels_bench CELL:HEAD_DIM:BATCH[:TYPE]…  these, in bfloat16 or another type;
//   float32_high
//     is float32 with MatmulPrecision::high
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/types.hpp"
#include "small_heads/recurrence.hpp"
#include "spread_heads/recurrence.hpp"
#include "tiling/kernel_choice.hpp"

namespace flashrnn::cuda {
namespace {

/// Device memory of `count` elements, filled with random numbers in [-scale, scale].
class Buffer {
 public:
  Buffer(std::size_t count, float scale, DataType type) : bytes_(size_of(type) * count) {
    check(cudaMalloc(&data_, bytes_ + 16), "cudaMalloc");
    if (type == DataType::float32) {
      fill<float>(scale);
    } else if (type == DataType::bfloat16) {
      fill<bfloat16>(scale);
    } else {
      fill<float16>(scale);
    }
  }
  /// Zeroes.
  explicit Buffer(std::size_t bytes) : bytes_(bytes) {
    check(cudaMalloc(&data_, bytes_ + 16), "cudaMalloc");
    check(cudaMemset(data_, 0, bytes_), "cudaMemset");
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { cudaFree(data_); }
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  template <class Storage>
  void fill(float scale) {
    static std::mt19937 generator(7);
    std::uniform_real_distribution<float> uniform(-scale, scale);
    std::vector<Storage> piece(std::min<std::size_t>(bytes_ / sizeof(Storage), 1 << 20));
    for (Storage& element : piece) element = Storage(uniform(generator));
    const std::size_t piece_bytes = sizeof(Storage) * piece.size();
    for (std::size_t at = 0; at < bytes_; at += piece_bytes)
      check(cudaMemcpy(static_cast<char*>(data_) + at, piece.data(),
                       std::min(piece_bytes, bytes_ - at), cudaMemcpyHostToDevice),
            "cudaMemcpy");
  }

  void* data_ = nullptr;
  std::size_t bytes_;
};

/// The stream of all runs: one of its own, because kernels of the default stream do not overlap.
cudaStream_t stream() {
  static const cudaStream_t created = [] {
    cudaStream_t out = nullptr;
    check(cudaStreamCreateWithFlags(&out, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    return out;
  }();
  return created;
}

/// Median time of `run` in milliseconds.
double median(const Buffer& flush, const std::function<void()>& run) {
  constexpr int warm_up = 30, repetitions = 9;
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  for (int n = 0; n < warm_up; ++n) run();  // clocks rise only under load
  cudaEvent_t begin{}, end{};
  check(cudaEventCreate(&begin), "cudaEventCreate");
  check(cudaEventCreate(&end), "cudaEventCreate");
  std::vector<float> times;
  for (int n = 0; n < repetitions; ++n) {
    check(cudaMemsetAsync(flush.data(), n, flush.bytes(), stream()), "cudaMemsetAsync");
    check(cudaEventRecord(begin, stream()), "cudaEventRecord");
    run();
    check(cudaEventRecord(end, stream()), "cudaEventRecord");
    check(cudaEventSynchronize(end), "cudaEventSynchronize");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
    times.push_back(milliseconds);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::nth_element(times.begin(), times.begin() + repetitions / 2, times.end());
  return times[repetitions / 2];
}

Shape shape_of(Index head_dim, Index batch, Index steps) {
  return {steps, batch, std::max<Index>(1, 768 / head_dim), head_dim};
}

/// Either is SmallHeads, or SpreadHeads without dR.
template <class Inference, class Training, class Cell>
void measure_kernels(const ProductType& element, Index head_dim, Index batch, Index steps) {
  const DataType type = element.type;
  const NativeCell cell = native_cell<Cell>();
  const CellDescription& d = cell.description;
  Problem problem;
  problem.cell = d.name;
  problem.dtype = type;
  problem.float32_matmul_precision = element.precision;
  problem.shape = shape_of(head_dim, batch, steps);
  const Shape& s = problem.shape;
  std::string reason;
  const auto begin = std::chrono::steady_clock::now();
  const auto inference = Inference::make(problem, cell, current_device(), reason);
  problem.training = true;
  const auto training =
      inference ? Training::make(problem, cell, current_device(), reason) : nullptr;
  const double plan_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const std::string label = d.name + " " + std::string(name_of(type)) +
                            (element.precision == MatmulPrecision::high ? "_high " : " ") +
                            std::to_string(head_dim) + "x" + std::to_string(s.heads) +
                            " B=" + std::to_string(batch);
  if (!training) {
    std::printf("%-32s not run: %s\n", label.c_str(), reason.c_str());
    return;
  }
  const auto rows = static_cast<std::size_t>(s.steps * s.batch);
  const auto units = static_cast<std::size_t>(s.heads * s.head_dim);
  const auto count = [](Index n) { return static_cast<std::size_t>(n); };
  const Buffer x(rows * count(d.input_gates) * units, 1.5f, type);
  const Buffer R(count(d.recurrent_gates * head_dim) * units,
                 1.7f / std::sqrt(static_cast<float>(head_dim)), type);
  const Buffer b(count(d.bias_gates) * units, 1.0f, type), dh(rows * units, 1.0f, type);
  const Buffer states(size_of(type) * count(d.states) * rows * units), dx(x.bytes());
  const Buffer dR(R.bytes()), db(b.bytes()), ds0(size_of(type) * count(d.states * batch) * units);
  const Buffer reserve(training->reserve_bytes());
  const std::size_t workspace_bytes =
      std::max({training->backward_workspace_bytes(), training->forward_workspace_bytes(),
                inference->forward_workspace_bytes()});
  const Buffer workspace(workspace_bytes), flush(std::size_t(192) << 20);

  constexpr auto order = SequenceOrder::time_major;
  const Strides gates = gate_strides(s, d.input_gates, order);
  const Strides sequence = state_sequence_strides(s, order);
  ForwardTensors f;
  f.x = {x.data(), gates};
  f.R = {R.data(), matrix_strides(s)};
  f.b = {b.data(), bias_strides(s)};
  f.workspace = workspace.data();
  ForwardTensors alone = f;
  alone.h = {states.data(), sequence};
  f.states = {states.data(), sequence};
  f.reserve = reserve.data();
  BackwardTensors g;
  g.R = f.R;
  g.states = {states.data(), sequence};
  g.reserve = reserve.data();
  g.dh = {dh.data(), sequence};
  g.dx = {dx.data(), gates};
  g.workspace = workspace.data();
  BackwardTensors all = g;
  all.dR = {dR.data(), matrix_strides(s)};
  all.db = {db.data(), bias_strides(s)};
  all.ds0 = {ds0.data(), state_strides(s)};
  const auto backward = [&](const BackwardTensors& tensors) {
    if constexpr (std::is_same_v<Training, SpreadHeads>) {
      Sequence d_gate[max_gates];
      training->backward(stream(), tensors, d_gate);
    } else {
      training->backward(stream(), tensors);
    }
  };
  const double times[] = {median(flush, [&] { inference->forward(stream(), alone); }),
                          median(flush, [&] { training->forward(stream(), f); }),
                          median(flush, [&] { backward(all); }),
                          median(flush, [&] { backward(g); })};
  std::printf("%-32s %8.4f %8.4f %8.4f %8.4f   plans %.3f s\n", label.c_str(), times[0], times[1],
              times[2], times[3], plan_seconds);
  std::fflush(stdout);
}

template <class Cell>
void measure(const ProductType& type, Index head_dim, Index batch, Index steps = 1024) {
  // The kernels that a plan would take: one for inference alone may take others than one for
  // training.
  Problem problem;
  problem.dtype = type.type;
  problem.float32_matmul_precision = type.precision;
  problem.shape = shape_of(head_dim, batch, steps);
  const NativeCell cell = native_cell<Cell>();
  const DeviceFacts device = current_device();
  const auto in_small_heads = [&](bool training) {
    problem.training = training;
    return kernels_in_order(problem, cell, device).front() == HeadKernels::small &&
           choose_small_heads(problem, cell, device);
  };
  const std::type_identity<SmallHeads> small;
  const std::type_identity<SpreadHeads> spread;
  const auto measure_both = [&](auto inference, auto training) {
    measure_kernels<typename decltype(inference)::type, typename decltype(training)::type, Cell>(
        type, head_dim, batch, steps);
  };
  const auto choose_training = [&](auto inference) {
    in_small_heads(true) ? measure_both(inference, small) : measure_both(inference, spread);
  };
  in_small_heads(false) ? choose_training(small) : choose_training(spread);
}

void measure(const std::string& cell, Index head_dim, Index batch, const ProductType& type = {}) {
  if (cell == "lstm") return measure<Lstm>(type, head_dim, batch);
  if (cell == "slstm") return measure<Slstm>(type, head_dim, batch);
  if (cell == "gru") return measure<Gru>(type, head_dim, batch);
  if (cell == "elman") return measure<Elman>(type, head_dim, batch);
  throw std::invalid_argument("no cell " + cell);
}

ProductType type_named(const std::string& name) {
  if (name == "float32_high") return {DataType::float32, MatmulPrecision::high};
  for (const DataType type : {DataType::bfloat16, DataType::float16, DataType::float32})
    if (name == name_of(type)) return type;
  throw std::invalid_argument("no type " + name);
}

int run(const std::vector<std::string>& wanted) {
  std::printf("%-32s %8s %8s %8s %8s\n", "T=1024, ms", "infer", "train", "backward", "(no dR)");
  for (const std::string& one : wanted) {
    const auto first = one.find(':'), second = one.find(':', first + 1),
               third = one.find(':', second + 1);
    if (second == std::string::npos)
      throw std::invalid_argument("not CELL:HEAD_DIM:BATCH[:TYPE]: " + one);
    measure(one.substr(0, first), std::stoll(one.substr(first + 1)),
            std::stoll(one.substr(second + 1)),
            third == std::string::npos ? ProductType() : type_named(one.substr(third + 1)));
  }
  if (!wanted.empty()) return 0;
  for (const Index head_dim : {16, 32, 64, 128})
    for (const Index batch : {1, 16, 64, 256}) measure("lstm", head_dim, batch);
  for (const Index head_dim : {16, 32, 64, 128})
    for (const char* const cell : {"slstm", "gru", "elman"}) measure(cell, head_dim, 16);
  measure<Lstm>(DataType::float16, 64, 16);
  return 0;
}

}  // namespace
}  // namespace flashrnn::cuda

int main(int count, char** arguments) try {
  return flashrnn::cuda::run({arguments + 1, arguments + count});
} catch (const std::exception& error) {
  std::fprintf(stderr, "cuda_kernels_bench: %s\n", error.what());
  return 1;
}
