// SPDX-License-Identifier: Apache-2.0
#include "kernel.hpp"

#include <map>
#include <mutex>

#include "cubin_cache.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn::cuda {

void check(cudaError_t status, const char* call) {
  if (status != cudaSuccess)
    throw EnvironmentError(std::string("CUDA: ") + call + " failed: " + cudaGetErrorString(status));
}

std::string current_architecture() {
  int device = 0, major = 0, minor = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
        "cudaDeviceGetAttribute");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device),
        "cudaDeviceGetAttribute");
  // Machine code of a compute capability runs on its own family; "a" adds what only it has.
  const std::string number = std::to_string(10 * major + minor);
  return "sm_" + number + (major >= 9 && major < 12 ? "a" : "");
}

Kernel Kernel::load(const std::string& program, const std::string& name) {
  const Cubin cubin = CubinCache(CubinCache::default_folder())
                          .get(nvrtc(), program, compile_options(current_architecture()));
  static std::mutex mutex;
  static auto* const loaded = new std::map<std::string, cudaLibrary_t>;  // kept for good, see above
  const std::lock_guard lock(mutex);
  cudaLibrary_t& library = (*loaded)[cubin.key];
  if (library == nullptr)
    check(
        cudaLibraryLoadData(&library, cubin.code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
        "cudaLibraryLoadData");
  Kernel out;
  check(cudaLibraryGetKernel(&out.kernel_, library, name.c_str()), "cudaLibraryGetKernel");
  return out;
}

void Kernel::set_shared_bytes(int bytes) const {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaKernelSetAttributeForDevice(kernel_, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes,
                                        device),
        "cudaKernelSetAttributeForDevice");
}

KernelFigures Kernel::figures() const {
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(kernel_)),
        "cudaFuncGetAttributes");
  return {attributes.numRegs, attributes.localSizeBytes};
}

void Kernel::enqueue(cudaStream_t stream, unsigned blocks, int threads, int shared_bytes,
                     void** arguments, bool beside_previous) const {
  cudaLaunchAttribute beside{};
  beside.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  beside.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(shared_bytes);
  config.stream = stream;
  config.attrs = &beside;
  config.numAttrs = beside_previous ? 1 : 0;
  check(cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(kernel_), arguments),
        "cudaLaunchKernelExC");
}

}  // namespace flashrnn::cuda
