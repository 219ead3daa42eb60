// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <memory>
#include <utility>

#include "flashrnn/recurrence/gemm.hpp"
#include "flashrnn/recurrence/product_kernels.hpp"
#include "flashrnn/recurrence/recorded_work.hpp"
#include "flashrnn/recurrence/workspace.hpp"

namespace flashrnn {

/// Kernels whose arguments travel with the launch: no copy, nothing to wait for, and allowed while
/// a stream is captured. Kokkos would copy larger functors to the device first.
template <class ExecutionSpace, class Kernel>
void for_each_index(const ExecutionSpace& space, const char* name, Index count,
                    const Kernel& kernel) {
  using Policy = Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<Index>>;
  Kokkos::parallel_for(
      name,
      Kokkos::Experimental::require(Policy(space, 0, count),
                                    Kokkos::Experimental::WorkItemProperty::HintLightWeight),
      kernel);
}

/// Steps as recorded work: a long recording, enqueued as often as it fits, and one for the rest.
/// The number of steps before each is written to device memory, where the recorded kernels read it.
template <class ExecutionSpace>
class RecordedSteps {
 public:
  /// Steps in one recording: enough that enqueueing costs the host less than a step costs the
  /// device, few enough that making a plan takes no time.
  static constexpr Index most = 32;

  /// `step(space, offset)` enqueues the step that follows `offset` others. It is kept.
  template <class Step>
  RecordedSteps(const ExecutionSpace& space, Index steps, const Step& step) : steps_(steps) {
    const auto record = [&](Index count) {
      return record_work<ExecutionSpace>(space, [step, count](const ExecutionSpace& recorded) {
        for (Index offset = 0; offset < count; ++offset) step(recorded, offset);
      });
    };
    if (steps >= most) full_ = record(most);
    if (steps % most != 0) rest_ = record(steps % most);
  }

  void enqueue(const ExecutionSpace& space, Index* steps_done) const {
    for (Index done = 0; done < steps_; done += most) {
      if (done > 0)
        for_each_index(space, "flashrnn::set_steps_done", 1, SetStepsDone{done, steps_done});
      (steps_ - done >= most ? full_ : rest_)->enqueue(space);
    }
  }

 private:
  Index steps_;
  std::unique_ptr<RecordedWork<ExecutionSpace>> full_, rest_;
};

/// The forward recurrence on a GPU for heads of any size: per step a matrix product of the BLAS
/// library for all heads at once and a pointwise kernel, recorded when the plan is made. The
/// recording refers to buffers that belong to the plan.
template <class Cell, class Storage, class ExecutionSpace>
class ProductForward {
 public:
  using Arguments = ForwardArguments<Cell, Storage>;
  using Buffers = ForwardBuffers<Cell, Storage>;
  using Real = typename Arguments::Real;

  /// `gemm` must outlive this object.
  ProductForward(const ExecutionSpace& space, const Problem& problem,
                 const Gemm<ExecutionSpace>& gemm)
      : buffers_(divide(problem.shape, nullptr).first),
        memory_(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "flashrnn::forward_buffers"),
                divide(problem.shape, nullptr).second) {
    space.fence("flashrnn::plan");  // calls may come on other instances
    buffers_ = divide(problem.shape, memory_.data()).first;
    const Shape& s = problem.shape;
    GemmArguments product;  // product [B, G·padded] = h [B, padded] · packed^T, per head
    product.rows = s.batch;
    product.columns = Buffers::gates * buffers_.padded;
    product.inner = buffers_.padded;
    product.transpose_b = true;
    product.a = buffers_.h;
    product.lda = s.heads * buffers_.padded;
    product.stride_a = buffers_.padded;
    product.b = buffers_.packed;
    product.ldb = buffers_.padded;
    product.stride_b = product.columns * buffers_.padded;
    product.c = buffers_.product;
    product.ldc = product.columns;
    product.stride_c = s.batch * product.columns;
    product.count = s.heads;
    product.input = problem.dtype;
    product.float32_precision = problem.float32_matmul_precision;
    product.output = sizeof(Storage) < sizeof(Real) ? DataType::float32 : problem.dtype;
    steps_ = std::make_unique<RecordedSteps<ExecutionSpace>>(
        space, s.steps, [this, &gemm, product](const ExecutionSpace& recorded, Index offset) {
          gemm.run(recorded, product);
          for_each_index(recorded, "flashrnn::forward_step", elements(),
                         ForwardStep<Cell, Storage>{buffers_, offset});
        });
  }

  ProductForward(const ProductForward&) = delete;
  ProductForward& operator=(const ProductForward&) = delete;

  void enqueue(const ExecutionSpace& space, const Arguments& arguments) const {
    for_each_index(space, "flashrnn::set_call", 1,
                   SetCall<Arguments>{{arguments, 0}, buffers_.call});
    const Index padded = buffers_.padded;
    for_each_index(
        space, "flashrnn::pack_padded", buffers_.shape.heads * Buffers::gates * padded * padded,
        PackPadded<Storage>{buffers_.shape.head_dim, Buffers::gates, padded, arguments.matrix,
                            arguments.matrix_strides, buffers_.packed});
    for_each_index(space, "flashrnn::forward_start", elements(),
                   ForwardStart<Cell, Storage>{buffers_});
    steps_->enqueue(space, &buffers_.call->steps_done);
  }

  /// Device memory that the plan holds.
  std::size_t bytes() const { return memory_.size(); }

 private:
  static std::pair<Buffers, std::size_t> divide(const Shape& s, void* base) {
    Buffers out;
    out.shape = s;
    out.padded = round_up(s.head_dim, 8);
    const auto size = [](Index n) { return static_cast<std::size_t>(n); };
    WorkspaceDivider divide(base);
    out.call = divide.take<RecordedCall<Arguments>>(1);
    out.h = divide.take<Storage>(size(s.batch * s.heads * out.padded));
    out.states = divide.take<Real>(size((Cell::states - 1) * s.batch * s.heads * s.head_dim));
    out.product = divide.take<Real>(size(s.heads * s.batch * Buffers::gates * out.padded));
    out.packed = divide.take<Storage>(size(s.heads * Buffers::gates * out.padded * out.padded));
    return {out, divide.used()};
  }
  Index elements() const {
    return buffers_.shape.batch * buffers_.shape.heads * buffers_.shape.head_dim;
  }

  Buffers buffers_;
  Kokkos::View<char*, typename ExecutionSpace::memory_space> memory_;
  std::unique_ptr<RecordedSteps<ExecutionSpace>> steps_;
};

/// The backward recurrence in the same way.
template <class Cell, class Storage, class ExecutionSpace>
class ProductBackward {
 public:
  using Arguments = BackwardArguments<Cell, Storage>;
  using Buffers = BackwardBuffers<Cell, Storage>;
  using Real = typename Arguments::Real;

  /// `gemm` must outlive this object.
  ProductBackward(const ExecutionSpace& space, const Problem& problem,
                  const Gemm<ExecutionSpace>& gemm)
      : buffers_(divide(problem.shape, nullptr).first),
        memory_(
            Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "flashrnn::backward_buffers"),
            divide(problem.shape, nullptr).second) {
    space.fence("flashrnn::plan");  // calls may come on other instances
    buffers_ = divide(problem.shape, memory_.data()).first;
    const Shape& s = problem.shape;
    GemmArguments product;  // product [B, padded] = d_gates [B, G·padded] · packed, per head
    product.rows = s.batch;
    product.columns = buffers_.padded;
    product.inner = Buffers::gates * buffers_.padded;
    product.a = buffers_.d_gates;
    product.lda = product.inner;
    product.stride_a = s.batch * product.inner;
    product.b = buffers_.packed;
    product.ldb = buffers_.padded;
    product.stride_b = product.inner * buffers_.padded;
    product.c = buffers_.product;
    product.ldc = buffers_.padded;
    product.stride_c = s.batch * buffers_.padded;
    product.count = s.heads;
    product.input = problem.dtype;
    product.float32_precision = problem.float32_matmul_precision;
    product.output = sizeof(Storage) < sizeof(Real) ? DataType::float32 : problem.dtype;
    steps_ = std::make_unique<RecordedSteps<ExecutionSpace>>(
        space, s.steps,
        [this, &gemm, product, cut = problem.cut_recurrent_gradient](const ExecutionSpace& recorded,
                                                                     Index offset) {
          for_each_index(recorded, "flashrnn::backward_step", elements(),
                         BackwardStep<Cell, Storage>{buffers_, offset});
          if (!cut) gemm.run(recorded, product);
        });
  }

  ProductBackward(const ProductBackward&) = delete;
  ProductBackward& operator=(const ProductBackward&) = delete;

  void enqueue(const ExecutionSpace& space, const Arguments& arguments) const {
    for_each_index(space, "flashrnn::set_call", 1,
                   SetCall<Arguments>{{arguments, 0}, buffers_.call});
    const Index padded = buffers_.padded;
    for_each_index(
        space, "flashrnn::pack_padded", buffers_.shape.heads * Buffers::gates * padded * padded,
        PackPadded<Storage>{buffers_.shape.head_dim, Buffers::gates, padded, arguments.matrix,
                            arguments.matrix_strides, buffers_.packed});
    for_each_index(space, "flashrnn::backward_start", elements(),
                   BackwardStart<Cell, Storage>{buffers_});
    steps_->enqueue(space, &buffers_.call->steps_done);
    for_each_index(space, "flashrnn::backward_end", elements(),
                   BackwardEnd<Cell, Storage>{buffers_});
  }

  /// Device memory that the plan holds.
  std::size_t bytes() const { return memory_.size(); }

 private:
  static std::pair<Buffers, std::size_t> divide(const Shape& s, void* base) {
    Buffers out;
    out.shape = s;
    out.padded = round_up(s.head_dim, 8);
    const auto size = [](Index n) { return static_cast<std::size_t>(n); };
    WorkspaceDivider divide(base);
    out.call = divide.take<RecordedCall<Arguments>>(1);
    out.d_gates = divide.take<Storage>(size(s.heads * s.batch * Buffers::gates * out.padded));
    out.d_states = divide.take<Real>(size(Cell::states * s.batch * s.heads * s.head_dim));
    out.product = divide.take<Real>(size(s.heads * s.batch * out.padded));
    out.packed = divide.take<Storage>(size(s.heads * Buffers::gates * out.padded * out.padded));
    return {out, divide.used()};
  }
  Index elements() const {
    return buffers_.shape.batch * buffers_.shape.heads * buffers_.shape.head_dim;
  }

  Buffers buffers_;
  Kokkos::View<char*, typename ExecutionSpace::memory_space> memory_;
  std::unique_ptr<RecordedSteps<ExecutionSpace>> steps_;
};

}  // namespace flashrnn
