// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>

#include <Kokkos_Core.hpp>

#include "flashrnn/recurrence/recorded_work.hpp"
#include "jit/kernel.hpp"

namespace flashrnn {
namespace {

using cuda::check;

/// A stream of our own: a stream of the caller's may be in use, or the default one, which cannot be
/// captured.
class Stream {
 public:
  Stream() {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class CudaGraph final : public RecordedWork<Kokkos::Cuda> {
 public:
  explicit CudaGraph(const std::function<void(const Kokkos::Cuda&)>& work) : work_(work) {
    const Stream stream;
    const Kokkos::Cuda space(stream.get());
    cudaGraph_t graph = nullptr;
    check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeRelaxed),
          "cudaStreamBeginCapture");
    try {
      work(space);
    } catch (...) {
      cudaStreamEndCapture(stream.get(), &graph);  // leaves the thread as it was
      if (graph != nullptr) cudaGraphDestroy(graph);
      throw;
    }
    check(cudaStreamEndCapture(stream.get(), &graph), "cudaStreamEndCapture");
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);
    check(status, "cudaGraphInstantiate");
  }
  ~CudaGraph() override { cudaGraphExecDestroy(executable_); }

  void enqueue(const Kokkos::Cuda& space) const override {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(space.cuda_stream(), &status), "cudaStreamIsCapturing");
    if (status == cudaStreamCaptureStatusNone) {
      check(cudaGraphLaunch(executable_, space.cuda_stream()), "cudaGraphLaunch");
    } else {
      work_(space);
    }
  }

 private:
  std::function<void(const Kokkos::Cuda&)> work_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace

template <>
std::unique_ptr<RecordedWork<Kokkos::Cuda>> record_work(
    const Kokkos::Cuda&, const std::function<void(const Kokkos::Cuda&)>& work) {
  return std::make_unique<CudaGraph>(work);
}

}  // namespace flashrnn
