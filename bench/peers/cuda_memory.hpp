// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <string>
#include <utility>

#include "flashrnn/error.hpp"

namespace flashrnn::bench {

inline void check(cudaError_t status, const char* call) {
  if (status != cudaSuccess)
    throw EnvironmentError(std::string(call) + " failed: " + cudaGetErrorString(status));
}

/// Device memory of a peer, all bytes `value`: 0x3c is 0.0115 as float32 and bfloat16, 1.06 as
/// float16; nothing is subnormal or NaN.
class DeviceMemory {
 public:
  explicit DeviceMemory(std::size_t bytes, int value = 0x3c) {
    if (bytes == 0) return;
    check(cudaMalloc(&data_, bytes), "cudaMalloc");
    check(cudaMemset(data_, value, bytes), "cudaMemset");
  }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  DeviceMemory(DeviceMemory&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  DeviceMemory& operator=(DeviceMemory&&) = delete;
  ~DeviceMemory() { cudaFree(data_); }
  [[nodiscard]] void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

/// A stream of its own.
class Stream {
 public:
  Stream() {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }
  [[nodiscard]] cudaStream_t get() const { return stream_; }
  void wait() const { check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace flashrnn::bench
