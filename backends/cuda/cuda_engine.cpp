// SPDX-License-Identifier: Apache-2.0
#include <Kokkos_Core.hpp>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/engine.hpp"
#include "flashrnn/recurrence/native_engine.hpp"
#include "small_heads/recurrence.hpp"

namespace flashrnn {
namespace {

/// The CUDA kernels behind the interface of all engines.
class CudaEngine final : public Engine<Kokkos::Cuda> {
 public:
  CudaEngine(CellDescription cell, std::unique_ptr<cuda::SmallHeads> recurrence)
      : cell_(std::move(cell)), recurrence_(std::move(recurrence)) {}

  const CellDescription& cell() const override { return cell_; }
  std::string describe() const override { return recurrence_->describe(); }
  std::size_t reserve_bytes() const override { return recurrence_->reserve_bytes(); }
  std::size_t forward_workspace_bytes() const override { return 0; }
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

/// Makes the space's device the calling thread's current one for a while.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device) {
    cuda::check(cudaGetDevice(&before_), "cudaGetDevice");
    if (before_ != device) cuda::check(cudaSetDevice(device), "cudaSetDevice");
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;
  ~CurrentDevice() { cudaSetDevice(before_); }

 private:
  int before_ = 0;
};

}  // namespace

template <>
std::unique_ptr<const Engine<Kokkos::Cuda>> make_native_engine(const Kokkos::Cuda& space,
                                                               const Problem& problem,
                                                               const NativeCell& cell,
                                                               std::string& reason) {
  const CurrentDevice current(space.cuda_device());
  auto recurrence = cuda::SmallHeads::make(problem, cell, cuda::current_device(), reason);
  if (recurrence == nullptr) return nullptr;
  return std::make_unique<CudaEngine>(cell.description, std::move(recurrence));
}

}  // namespace flashrnn
