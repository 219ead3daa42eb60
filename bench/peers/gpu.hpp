// SPDX-License-Identifier: Apache-2.0
#pragma once

// A vendor's runtime under names that serve both: the peers for GPUs are written once.
#ifdef FLASHRNN_BENCH_HIP
#include <hip/hip_runtime_api.h>
#else
#include <cuda_runtime_api.h>
#endif

#include <string>
#include <utility>

#include "flashrnn/error.hpp"

namespace flashrnn::bench {
namespace gpu {

#ifdef FLASHRNN_BENCH_HIP
using Status = hipError_t;
using StreamHandle = hipStream_t;
inline constexpr Status success = hipSuccess;
inline const char* text_of(Status status) {
  return hipGetErrorString(status);
}
inline Status allocate(void** data, std::size_t bytes) {
  return hipMalloc(data, bytes);
}
inline Status free(void* data) {
  return hipFree(data);
}
inline Status set(void* data, int value, std::size_t bytes) {
  return hipMemset(data, value, bytes);
}
inline Status create_stream(StreamHandle* stream) {
  return hipStreamCreateWithFlags(stream, hipStreamNonBlocking);
}
inline Status destroy_stream(StreamHandle stream) {
  return hipStreamDestroy(stream);
}
inline Status wait(StreamHandle stream) {
  return hipStreamSynchronize(stream);
}
inline Status wait_for_all() {
  return hipDeviceSynchronize();
}
#else
using Status = cudaError_t;
using StreamHandle = cudaStream_t;
inline constexpr Status success = cudaSuccess;
inline const char* text_of(Status status) {
  return cudaGetErrorString(status);
}
inline Status allocate(void** data, std::size_t bytes) {
  return cudaMalloc(data, bytes);
}
inline Status free(void* data) {
  return cudaFree(data);
}
inline Status set(void* data, int value, std::size_t bytes) {
  return cudaMemset(data, value, bytes);
}
inline Status create_stream(StreamHandle* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking);
}
inline Status destroy_stream(StreamHandle stream) {
  return cudaStreamDestroy(stream);
}
inline Status wait(StreamHandle stream) {
  return cudaStreamSynchronize(stream);
}
inline Status wait_for_all() {
  return cudaDeviceSynchronize();
}
#endif

}  // namespace gpu

inline void check(gpu::Status status, const char* call) {
  if (status != gpu::success)
    throw EnvironmentError(std::string(call) + " failed: " + gpu::text_of(status));
}

/// Device memory of a peer, all bytes `value`: 0x3c is 0.0115 as float32 and bfloat16, 1.06 as
/// float16; nothing is subnormal or NaN.
class DeviceMemory {
 public:
  explicit DeviceMemory(std::size_t bytes, int value = 0x3c) {
    if (bytes == 0) return;
    check(gpu::allocate(&data_, bytes), "allocation of device memory");
    check(gpu::set(data_, value, bytes), "filling of device memory");
  }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  DeviceMemory(DeviceMemory&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  DeviceMemory& operator=(DeviceMemory&&) = delete;
  ~DeviceMemory() { static_cast<void>(gpu::free(data_)); }
  [[nodiscard]] void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

/// A stream of its own.
class Stream {
 public:
  Stream() { check(gpu::create_stream(&stream_), "creation of a stream"); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { static_cast<void>(gpu::destroy_stream(stream_)); }
  [[nodiscard]] gpu::StreamHandle get() const { return stream_; }
  void wait() const { check(gpu::wait(stream_), "waiting for a stream"); }

 private:
  gpu::StreamHandle stream_ = nullptr;
};

/// A handle or descriptor of a library, destroyed at the end. All the libraries' status 0 is
/// success.
template <class T, auto create, auto destroy>
class Owned {
 public:
  Owned() {
    const auto status = static_cast<int>(create(&object_));
    if (status != 0)
      throw EnvironmentError("a handle or descriptor could not be created: status " +
                             std::to_string(status));
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { static_cast<void>(destroy(object_)); }
  [[nodiscard]] T get() const { return object_; }

 private:
  T object_{};
};

}  // namespace flashrnn::bench
