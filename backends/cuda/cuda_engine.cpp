// SPDX-License-Identifier: Apache-2.0
#include <Kokkos_Core.hpp>

#include "device_probe.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/engine.hpp"
#include "flashrnn/recurrence/native_engine.hpp"
#include "flashrnn/recurrence/weight_gradient.hpp"
#include "flashrnn/recurrence/workspace.hpp"
#include "recurrence_parts.hpp"
#include "small_heads/recurrence.hpp"
#include "spread_heads/recurrence.hpp"
#include "tiling/kernel_choice.hpp"

namespace flashrnn {
namespace {

/// The kernels of heads that fit one multiprocessor behind the interface of all engines.
class SmallHeadsEngine final : public Engine<Kokkos::Cuda> {
 public:
  SmallHeadsEngine(CellDescription cell, std::unique_ptr<cuda::SmallHeads> recurrence)
      : cell_(std::move(cell)), recurrence_(std::move(recurrence)) {}

  const CellDescription& cell() const override { return cell_; }
  std::string describe() const override { return recurrence_->describe(); }
  std::size_t reserve_bytes() const override { return recurrence_->reserve_bytes(); }
  std::size_t forward_workspace_bytes() const override {
    return recurrence_->forward_workspace_bytes();
  }
  std::size_t backward_workspace_bytes() const override {
    return recurrence_->backward_workspace_bytes();
  }
  void forward(const Kokkos::Cuda& space, const ForwardTensors& tensors) const override {
    recurrence_->forward(space.cuda_stream(), tensors);
  }
  void backward(const Kokkos::Cuda& space, const BackwardTensors& tensors) const override {
    recurrence_->backward(space.cuda_stream(), tensors);
  }

 private:
  CellDescription cell_;
  std::unique_ptr<cuda::SmallHeads> recurrence_;
};

/// The kernels of heads that several multiprocessors share, with dR by the BLAS library.
template <class Storage>
class SpreadHeadsEngine final : public Engine<Kokkos::Cuda> {
 public:
  SpreadHeadsEngine(const Kokkos::Cuda& space, const Problem& problem, CellDescription cell,
                    std::unique_ptr<cuda::SpreadHeads> recurrence)
      : problem_(problem), cell_(std::move(cell)), recurrence_(std::move(recurrence)) {
    if (problem.training) gemm_ = make_gemm<Kokkos::Cuda>(space);
  }

  const CellDescription& cell() const override { return cell_; }
  std::string describe() const override { return recurrence_->describe(); }
  std::size_t reserve_bytes() const override { return recurrence_->reserve_bytes(); }
  std::size_t forward_workspace_bytes() const override {
    return recurrence_->forward_workspace_bytes();
  }
  std::size_t backward_workspace_bytes() const override {
    return problem_.training ? Workspace(*this, nullptr).bytes : 0;
  }
  void forward(const Kokkos::Cuda& space, const ForwardTensors& tensors) const override {
    recurrence_->forward(space.cuda_stream(), tensors);
  }
  void backward(const Kokkos::Cuda& space, const BackwardTensors& tensors) const override {
    const Workspace workspace(*this, tensors.workspace);
    BackwardTensors own = tensors;
    own.workspace = workspace.recurrence;
    cuda::Sequence d_gate[cuda::max_gates];
    recurrence_->backward(space.cuda_stream(), own, d_gate);
    if (tensors.dR.data == nullptr) return;
    TypedTensor<Storage> recurrent[cuda::max_gates];
    for (int n = 0; n < cell_.recurrent_gates; ++n)
      recurrent[n] = {static_cast<Storage*>(d_gate[n].data), d_gate[n].strides};
    weight_gradient().run(space, cell_.recurrent_gates, recurrent, typed<Storage>(tensors.states),
                          typed<Storage>(tensors.s0), static_cast<Storage*>(tensors.dR.data),
                          *tensors.dR.strides, workspace.dR_sums, workspace.gemm);
  }

 private:
  struct Workspace {
    Workspace(const SpreadHeadsEngine& engine, void* base) {
      WorkspaceDivider divide(base);
      recurrence = divide.take<char>(engine.recurrence_->backward_workspace_bytes());
      const auto weights = engine.weight_gradient();
      dR_sums = divide.take<float>(weights.sum_elements(engine.cell_.recurrent_gates));
      gemm = divide.take<char>(weights.gemm_workspace_bytes());
      bytes = divide.used();
    }
    char* recurrence;
    float* dR_sums;
    char* gemm;
    std::size_t bytes;
  };
  WeightGradient<Kokkos::Cuda, Storage> weight_gradient() const { return {problem_, *gemm_}; }

  Problem problem_;
  CellDescription cell_;
  std::unique_ptr<cuda::SpreadHeads> recurrence_;
  std::unique_ptr<Gemm<Kokkos::Cuda>> gemm_;
};

}  // namespace

template <>
std::unique_ptr<const Engine<Kokkos::Cuda>> make_native_engine(const Kokkos::Cuda& space,
                                                               const Problem& problem,
                                                               const NativeCell& cell,
                                                               std::string& reason) {
  const cuda::CurrentDevice current(space.cuda_device());
  const cuda::DeviceFacts device = cuda::current_device();
  std::unique_ptr<cuda::SpreadHeads> recurrence;
  for (const cuda::HeadKernels kernels :
       cuda::kernels_in_order(problem, cuda::with_options(cell, problem), device)) {
    if (kernels == cuda::HeadKernels::small) {
      if (auto small = cuda::SmallHeads::make(problem, cell, device, reason))
        return std::make_unique<SmallHeadsEngine>(cell.description, std::move(small));
    } else {
      recurrence = cuda::SpreadHeads::make(problem, cell, device, reason);
      if (recurrence != nullptr) break;
    }
  }
  if (recurrence == nullptr) return nullptr;
  switch (problem.dtype) {
    case DataType::bfloat16:
      return std::make_unique<SpreadHeadsEngine<bfloat16>>(space, problem, cell.description,
                                                           std::move(recurrence));
    case DataType::float16:
      return std::make_unique<SpreadHeadsEngine<float16>>(space, problem, cell.description,
                                                          std::move(recurrence));
    default:
      return std::make_unique<SpreadHeadsEngine<float>>(space, problem, cell.description,
                                                        std::move(recurrence));
  }
}

}  // namespace flashrnn
