// SPDX-License-Identifier: Apache-2.0
// The CUDA kernels against the serial reference in double precision. Inputs are drawn anew for
// every case, outputs and scratch memory are filled with NaN before.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "flashrnn/reference/reference.hpp"
#include "small_heads/recurrence.hpp"
#include "spread_heads/recurrence.hpp"

namespace flashrnn::cuda {

/// A problem and which of the optional tensors are given.
struct Case {
  std::string name;
  Shape shape;
  SequenceOrder order = SequenceOrder::time_major;
  bool optional_tensors = true;                ///< b, s0, d_last in; last, ds0, h out
  double forward_clip = 0, gradient_clip = 0;  ///< 0: none
  bool cut = false;
  Index shift = 0;  ///< elements between an aligned address and the beginning of every tensor
  /// Gradients of the rows of the batch are orders of magnitude apart, every second row begins with
  /// an h above 1, the first one with an infinite h: all other rows are compared by themselves.
  bool rows_apart = false;
};

class Device {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() {
    for (void* const pointer : memory_) cudaFree(pointer);
  }
  /// Memory that holds NaNs.
  void* scratch(std::size_t bytes) {
    void* data = nullptr;
    check(cudaMalloc(&data, bytes + 16), "cudaMalloc");
    memory_.push_back(data);
    check(cudaMemset(data, 0xff, bytes + 16), "cudaMemset");
    return data;
  }

 private:
  std::vector<void*> memory_;
};

/// Of SmallHeads or SpreadHeads with the reference.
template <class Recurrence, class Cell, class Storage>
class Comparison {
 public:
  static constexpr bool spread = std::is_same_v<Recurrence, SpreadHeads>;
  static constexpr DataType type = std::is_same_v<Storage, bfloat16>  ? DataType::bfloat16
                                   : std::is_same_v<Storage, float16> ? DataType::float16
                                                                      : DataType::float32;
  using Reference = reference::Recurrence<Cell, Storage, double>;
  /// Makes a recurrence, for training and for inference; null where there is none.
  using Make = std::function<std::unique_ptr<Recurrence>(const Problem&, const NativeCell&)>;
  explicit Comparison(const Case& c, MatmulPrecision precision = MatmulPrecision::highest,
                      Make make = usual)
      : case_(c), make_(std::move(make)), generator_(std::random_device{}()) {
    problem_.float32_matmul_precision = precision;
  }

  /// False if the kernels do not take the problem.
  bool run() {
    const Shape& s = case_.shape;
    problem_.cell = Cell::name;
    problem_.dtype = type;
    problem_.shape = s;
    problem_.order = case_.order;
    problem_.training = true;
    if (case_.forward_clip > 0) problem_.forward_clip = case_.forward_clip;
    if (case_.gradient_clip > 0) problem_.recurrent_gradient_clip = case_.gradient_clip;
    problem_.cut_recurrent_gradient = case_.cut;
    const NativeCell cell = native_cell<Cell>();
    const auto training = make_(problem_, cell);
    Problem inference_problem = problem_;
    inference_problem.training = false;
    const auto inference = make_(inference_problem, cell);
    if (training == nullptr || inference == nullptr) return false;
    draw();
    const Reference reference(problem_);
    reference.forward(expected_);
    forward(*training, true);
    if (derivative_jumps()) adopt_h();
    reference.backward(expected_);
    backward(*training);
    forward(*inference, false);
    return true;
  }

 private:
  static std::unique_ptr<Recurrence> usual(const Problem& problem, const NativeCell& cell) {
    std::string reason;
    return Recurrence::make(problem, cell, current_device(), reason);
  }
  static std::size_t at(Index n) { return static_cast<std::size_t>(n); }
  static constexpr Index S = Cell::states, G_x = Reference::G_x, G_R = Reference::G_R,
                         G_b = Reference::G_b;
  Index sequence() const { return case_.shape.steps * case_.shape.batch * row(); }
  Index row() const { return case_.shape.heads * case_.shape.head_dim; }

  /// As the type stores it.
  static double rounded(double value) {
    return static_cast<float>(Storage(static_cast<float>(value)));
  }
  std::vector<double> random(Index count, double scale) {
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    std::vector<double> out(at(count));
    for (double& value : out) value = rounded(static_cast<float>(scale) * uniform(generator_));
    return out;
  }
  void draw() {
    const Shape& s = case_.shape;
    expected_.x = random(G_x * sequence(), 1.5);
    // An h without bounds grows where R does not contract, and its roundoff with it: with 1.7 a
    // plain loop in float32 is above the bound in one draw of a hundred, with 1 in none of 60000.
    const double gain = std::string(Cell::name) == "elman_relu" ? 1.0 : 1.7;
    expected_.R = random(G_R * row() * s.head_dim, gain / std::sqrt(double(s.head_dim)));
    expected_.dh = random(sequence(), 1.0);
    if (!case_.optional_tensors) return;
    // Weights of peepholes are biases here. With up to 1 they feed c back until it is 10, where 16
    // bits say little of 1 - f: what is rounded for backward alone is above the bound of db in one
    // draw of 50, with 1/2 at most at 0.28 of it in 10000.
    const bool peepholes = std::string(Cell::name).starts_with("peephole");
    expected_.b = random(G_b * row(), peepholes ? 0.5 : 1.0);
    expected_.s0 = random(S * s.batch * row(), 0.5);
    // The normaliser of sLSTM is at least 1 after a step.
    if (std::string(Cell::name) == "slstm")
      for (Index i = 0; i < s.batch * row(); ++i) expected_.s0[at(2 * s.batch * row() + i)] = 1.5;
    expected_.d_last = random(S * s.batch * row(), 1.0);
    if (!case_.rows_apart) return;
    for (std::vector<double>* const gradient : {&expected_.dh, &expected_.d_last})
      for (std::size_t n = 0; n < gradient->size(); ++n)
        (*gradient)[n] =
            rounded((*gradient)[n] * std::pow(10.0, 8.0 * double(batch_row(n, row()) % 5) - 30));
    // What h is scaled with is another power of two in every second row.
    for (Index n = 0; n < s.batch * row(); ++n)
      if (batch_row(at(n), row()) % 2 == 1) expected_.s0[at(n)] = rounded(4 * expected_.s0[at(n)]);
    expected_.s0[0] = std::numeric_limits<double>::infinity();
  }

  /// The row of the batch of the n-th value of a tensor with `per_row` values to one.
  std::size_t batch_row(std::size_t n, Index per_row) const {
    return n / at(per_row) % at(case_.shape.batch);
  }

  /// Index in the memory of a sequence [channels, T, B, H, D] of the problem's order.
  Index place(const Strides& strides, Index channels, Index n) const {
    const Shape& s = case_.shape;
    const Index unit = n % s.head_dim, head = n / s.head_dim % s.heads;
    // Gates lie behind the batch in the reference ([T, B, G, H, D]), states in front ([S, T, B,
    // …]).
    const Index rest = n / row();
    const bool gates = channels > 0;
    const Index channel = gates ? rest % channels : rest / (s.steps * s.batch);
    const Index time = gates ? rest / channels : rest % (s.steps * s.batch);
    return strides.at(channel, time / s.batch, time % s.batch, head) + unit;
  }
  /// Memory of a tensor, filled with NaNs.
  void* tensor(std::size_t count) {
    return static_cast<Storage*>(device_.scratch(sizeof(Storage) * (count + at(case_.shift)))) +
           case_.shift;
  }
  const void* upload(const std::vector<double>& from, const Strides* strides, Index channels) {
    if (from.empty()) return nullptr;
    std::vector<Storage> host(from.size());
    for (std::size_t n = 0; n < from.size(); ++n)
      host[strides == nullptr ? n : at(place(*strides, channels, static_cast<Index>(n)))] =
          Storage(static_cast<float>(from[n]));
    void* const data = tensor(host.size());
    check(cudaMemcpy(data, host.data(), sizeof(Storage) * host.size(), cudaMemcpyHostToDevice),
          "cudaMemcpy");
    return data;
  }
  /// Whether the derivative of h jumps somewhere: one unit of roundoff in h, which no bound of
  /// forward excludes, may then change a gradient by all of it.
  bool derivative_jumps() const {
    return std::string(Cell::name) == "elman_relu" || case_.forward_clip > 0;
  }
  /// Makes the h of the device's forward (compared before) the one that the reference's backward
  /// reads, so that both take the derivative on the same side of a jump.
  void adopt_h() {
    std::vector<Storage> host(expected_.states.size());
    check(cudaMemcpy(host.data(), tensors_.states.data, sizeof(Storage) * host.size(),
                     cudaMemcpyDeviceToHost),
          "cudaMemcpy");
    for (Index n = 0; n < sequence(); ++n)
      expected_.states[at(n)] = static_cast<float>(host[at(place(sequence_strides_, 0, n))]);
  }
  /// 16 bits: roundoff of the type, of what is stored between forward and backward and of the gates
  /// that are multiplied with R again. float: the same, and the roundoff of sums of D products,
  /// which grows as the root of D where errors are independent. Without the products of a float's
  /// third part, forward is off by 11 to 16 units of roundoff.
  double relative_bound(bool gradient) const {
    if (type == DataType::bfloat16) return 4 * 0x1p-8;
    if (type == DataType::float16) return 4 * 0x1p-10;
    const double units = 3 + std::sqrt(static_cast<double>(case_.shape.head_dim)) / 16;
    const double sums = (gradient ? 4 : 1) * units * 0x1p-24;
    // Of two parts of a factor a rest below 2^-18 is missing, of a product also that of the second
    // parts; TF32 would be off by 2^-12 and more.
    if (problem_.float32_matmul_precision == MatmulPrecision::high)
      return sums + (gradient ? 4 : 1) * 0x1p-17;
    return sums;
  }
  /// The relative error in the Euclidean norm stays below the bound; where rows are apart, that of
  /// each, of tensors that have rows of the batch with `per_row` values.
  void compare(const char* what, const void* data, const std::vector<double>& expected,
               const Strides* strides, Index channels, Index per_row = 0) {
    if (case_.rows_apart) {
      if (per_row > 0) compare_rows(what, data, expected, strides, channels, per_row);
      return;
    }
    std::vector<Storage> host(expected.size());
    check(cudaMemcpy(host.data(), data, sizeof(Storage) * host.size(), cudaMemcpyDeviceToHost),
          "cudaMemcpy");
    double error = 0, norm = 0;
    for (std::size_t n = 0; n < expected.size(); ++n) {
      const double value =
          host[strides == nullptr ? n : at(place(*strides, channels, static_cast<Index>(n)))];
      error += (value - expected[n]) * (value - expected[n]);
      norm += expected[n] * expected[n];
    }
    // Of one or few values, terms of the inputs' scale may cancel; their roundoff does not.
    constexpr std::size_t few = 16;
    const double relative =
        std::sqrt(error / (expected.size() < few ? std::max(norm, 0.25) : norm));
    const double bound = relative_bound(what[0] == 'd');
    if (norm == 0) {
      EXPECT_EQ(error, 0) << what;
    } else {
      EXPECT_LT(relative, bound) << what;  // false for NaN
      testing::Test::RecordProperty(what, std::to_string(relative / bound));
    }
  }

  void compare_rows(const char* what, const void* data, const std::vector<double>& expected,
                    const Strides* strides, Index channels, Index per_row) {
    std::vector<Storage> host(expected.size());
    check(cudaMemcpy(host.data(), data, sizeof(Storage) * host.size(), cudaMemcpyDeviceToHost),
          "cudaMemcpy");
    std::vector<double> error(at(case_.shape.batch)), norm(at(case_.shape.batch));
    for (std::size_t n = 0; n < expected.size(); ++n) {
      const double value =
          host[strides == nullptr ? n : at(place(*strides, channels, static_cast<Index>(n)))];
      error[batch_row(n, per_row)] += (value - expected[n]) * (value - expected[n]);
      norm[batch_row(n, per_row)] += expected[n] * expected[n];
    }
    for (std::size_t row = 1; row < error.size(); ++row)
      EXPECT_LT(std::sqrt(error[row] / norm[row]), relative_bound(what[0] == 'd'))
          << what << " of row " << row;
  }

  void forward(const Recurrence& recurrence, bool training) {
    const Shape& s = case_.shape;
    gate_strides_ = gate_strides(s, G_x, case_.order);
    sequence_strides_ = state_sequence_strides(s, case_.order);
    ForwardTensors f;
    f.x = {upload(expected_.x, &gate_strides_, G_x), gate_strides_};
    f.R = {upload(expected_.R, nullptr, 0), matrix_strides(s)};
    f.b = {upload(expected_.b, nullptr, 0), bias_strides(s)};
    f.s0 = {upload(expected_.s0, nullptr, 0), state_strides(s)};
    f.reserve = device_.scratch(recurrence.reserve_bytes());
    void* const states = tensor(at(S * sequence()));
    void* const h = tensor(at(sequence()));
    void* const last = tensor(at(S * s.batch * row()));
    if (training || case_.optional_tensors) f.states = {states, sequence_strides_};
    if (!training || case_.optional_tensors) f.h = {h, sequence_strides_};
    if (case_.optional_tensors) f.last = {last, state_strides(s)};
    f.workspace = device_.scratch(recurrence.forward_workspace_bytes());
    recurrence.forward(nullptr, f);
    check(cudaDeviceSynchronize(), "forward");
    if (f.states.data != nullptr)
      compare("states", states, expected_.states, &sequence_strides_, 0, row());
    if (f.h.data != nullptr) {
      const std::vector<double> expected(expected_.states.begin(),
                                         expected_.states.begin() + sequence());
      compare("h", h, expected, &sequence_strides_, 0, row());
    }
    if (f.last.data != nullptr) compare("last", last, expected_.last, nullptr, 0, row());
    if (!training) return;
    tensors_.R = f.R;
    tensors_.s0 = f.s0;
    tensors_.states = {states, sequence_strides_};
    tensors_.reserve = f.reserve;
  }

  void backward(const Recurrence& recurrence) {
    const Shape& s = case_.shape;
    BackwardTensors& g = tensors_;
    g.dh = {upload(expected_.dh, &sequence_strides_, 0), sequence_strides_};
    g.d_last = {upload(expected_.d_last, nullptr, 0), state_strides(s)};
    g.dx = {tensor(at(G_x * sequence())), gate_strides_};
    g.dR = {tensor(at(G_R * row() * s.head_dim)), matrix_strides(s)};
    g.db = {tensor(at(G_b * row())), bias_strides(s)};
    if (case_.optional_tensors) g.ds0 = {tensor(at(S * s.batch * row())), state_strides(s)};
    g.workspace = device_.scratch(recurrence.backward_workspace_bytes());
    if constexpr (spread) {
      Sequence d_gate[max_gates];
      recurrence.backward(nullptr, g, d_gate);
    } else {
      recurrence.backward(nullptr, g);
    }
    check(cudaDeviceSynchronize(), "backward");
    compare("dx", g.dx.data, expected_.dx, &gate_strides_, G_x, G_x * row());
    // dR of spread heads is a product of the BLAS library, which the conformance tests compare.
    if constexpr (!spread) compare("dR", g.dR.data, expected_.dR, nullptr, 0);
    compare("db", g.db.data, expected_.db, nullptr, 0);
    if (g.ds0.data != nullptr) compare("ds0", g.ds0.data, expected_.ds0, nullptr, 0, row());
  }

  Case case_;
  Make make_;
  std::mt19937 generator_;
  Problem problem_;
  reference::Tensors<double> expected_;
  Device device_;
  Strides gate_strides_, sequence_strides_;
  BackwardTensors tensors_;
};

}  // namespace flashrnn::cuda
