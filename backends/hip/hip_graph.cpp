// SPDX-License-Identifier: Apache-2.0
#include <hip/hip_runtime.h>

#include <Kokkos_Core.hpp>
#include <string>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/recorded_work.hpp"

namespace flashrnn {
namespace {

void check(hipError_t status, const char* call) {
  if (status != hipSuccess)
    throw EnvironmentError(std::string("HIP: ") + call + " failed: " + hipGetErrorString(status));
}

/// A stream of our own: a stream of the caller's may be in use, or the default one, which cannot be
/// captured.
class Stream {
 public:
  Stream() { check(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking), "hipStreamCreate"); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { static_cast<void>(hipStreamDestroy(stream_)); }
  hipStream_t get() const { return stream_; }

 private:
  hipStream_t stream_ = nullptr;
};

class HipGraph final : public RecordedWork<Kokkos::HIP> {
 public:
  explicit HipGraph(const std::function<void(const Kokkos::HIP&)>& work) : work_(work) {
    const Stream stream;
    const Kokkos::HIP space(stream.get());
    hipGraph_t graph = nullptr;
    check(hipStreamBeginCapture(stream.get(), hipStreamCaptureModeRelaxed),
          "hipStreamBeginCapture");
    try {
      work(space);
    } catch (...) {
      static_cast<void>(hipStreamEndCapture(stream.get(), &graph));  // leaves the thread as it was
      if (graph != nullptr) static_cast<void>(hipGraphDestroy(graph));
      throw;
    }
    check(hipStreamEndCapture(stream.get(), &graph), "hipStreamEndCapture");
    const hipError_t status = hipGraphInstantiate(&executable_, graph, nullptr, nullptr, 0);
    static_cast<void>(hipGraphDestroy(graph));
    check(status, "hipGraphInstantiate");
  }
  ~HipGraph() override { static_cast<void>(hipGraphExecDestroy(executable_)); }

  void enqueue(const Kokkos::HIP& space) const override {
    hipStreamCaptureStatus status = hipStreamCaptureStatusNone;
    check(hipStreamIsCapturing(space.hip_stream(), &status), "hipStreamIsCapturing");
    if (status == hipStreamCaptureStatusNone) {
      check(hipGraphLaunch(executable_, space.hip_stream()), "hipGraphLaunch");
    } else {
      work_(space);
    }
  }

 private:
  std::function<void(const Kokkos::HIP&)> work_;
  hipGraphExec_t executable_ = nullptr;
};

}  // namespace

template <>
std::unique_ptr<RecordedWork<Kokkos::HIP>> record_work(
    const Kokkos::HIP&, const std::function<void(const Kokkos::HIP&)>& work) {
  return std::make_unique<HipGraph>(work);
}

}  // namespace flashrnn
