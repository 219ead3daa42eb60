// SPDX-License-Identifier: Apache-2.0
#include "kernel.hpp"

#include <future>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

#include "compiler.hpp"
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

namespace {

/// The loaded programs of this process, kept for good (see Kernel).
class LoadedPrograms {
 public:
  static LoadedPrograms& of_this_process() {
    static auto* const all = new LoadedPrograms;
    return *all;
  }
  /// Null if the program has not been loaded.
  cudaLibrary_t find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = libraries_.find(key);
    return found == libraries_.end() ? nullptr : found->second;
  }
  cudaLibrary_t load(const std::string& key, std::string_view code) {
    const std::lock_guard lock(mutex_);
    cudaLibrary_t& library = libraries_[key];
    if (library == nullptr)
      check(cudaLibraryLoadData(&library, code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
            "cudaLibraryLoadData");
    return library;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, cudaLibrary_t> libraries_;
};

}  // namespace

std::vector<Kernel> Kernel::load(std::span<const Program> programs) {
  auto& loaded = LoadedPrograms::of_this_process();
  const CubinCache cache(CubinCache::default_folder());
  const std::vector<std::string> options = compile_options(current_architecture());
  struct Wanted {
    std::string key;
    cudaLibrary_t library = nullptr;
    std::future<Cubin> code;  // of what is neither loaded nor embedded
  };
  std::vector<Wanted> all;
  for (const Program& program : programs) {
    Wanted& one = all.emplace_back();
    one.key = program_key(program, options);
    one.library = loaded.find(one.key);
    if (one.library == nullptr && cache.embedded(one.key).empty())
      one.code = std::async(std::launch::async, [&cache, &options, &program, key = one.key] {
        return cache.get_other(nvrtc(), program.text(), options, key);
      });
  }
  std::vector<Kernel> out(programs.size());
  for (std::size_t n = 0; n < all.size(); ++n) {
    Wanted& one = all[n];
    if (one.code.valid()) {
      one.library = loaded.load(one.key, one.code.get().code);
    } else if (one.library == nullptr) {
      one.library = loaded.load(one.key, cache.embedded(one.key));
    }
    out[n].library_ = one.library;
    out[n] = out[n].of_same_program(programs[n].kernel);
  }
  return out;
}

Kernel Kernel::of_same_program(const std::string& name) const {
  Kernel out = *this;
  check(cudaLibraryGetKernel(&out.kernel_, library_, name.c_str()), "cudaLibraryGetKernel");
  return out;
}

void Kernel::set_shared_bytes(int bytes) const {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaKernelSetAttributeForDevice(kernel_, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes,
                                        device),
        "cudaKernelSetAttributeForDevice");
}

void Kernel::prefer_shared_memory() const {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaKernelSetAttributeForDevice(kernel_, cudaFuncAttributePreferredSharedMemoryCarveout,
                                        cudaSharedmemCarveoutMaxShared, device),
        "cudaKernelSetAttributeForDevice");
}

KernelFigures Kernel::figures() const {
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(kernel_)),
        "cudaFuncGetAttributes");
  return {attributes.numRegs, attributes.localSizeBytes};
}

namespace {

/// A launch in the words of the runtime.
struct Configuration {
  Configuration(const Launch& launch, cudaStream_t stream) {
    config.gridDim = dim3(launch.blocks, launch.blocks_y, launch.blocks_z);
    config.blockDim = dim3(static_cast<unsigned>(launch.threads));
    config.dynamicSmemBytes = static_cast<std::size_t>(launch.shared_bytes);
    config.stream = stream;
    config.attrs = attributes;
    if (launch.cluster > 1) {
      cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
      attribute.id = cudaLaunchAttributeClusterDimension;
      attribute.val.clusterDim.x = static_cast<unsigned>(launch.cluster);
      attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
    }
    if (launch.together) {
      cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
      attribute.id = cudaLaunchAttributeCooperative;
      attribute.val.cooperative = 1;
    }
    if (launch.beside_previous) {
      cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
      attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
      attribute.val.programmaticStreamSerializationAllowed = 1;
    }
  }
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;
  cudaLaunchConfig_t config{};
  cudaLaunchAttribute attributes[3]{};
};

}  // namespace

void Kernel::allow_large_clusters() const {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaKernelSetAttributeForDevice(kernel_, cudaFuncAttributeNonPortableClusterSizeAllowed, 1,
                                        device),
        "cudaKernelSetAttributeForDevice");
}

int Kernel::room_for(const Launch& launch) const {
  const auto* const function = reinterpret_cast<const void*>(kernel_);
  int count = 0;
  if (launch.cluster > 1) {
    const Configuration configuration(launch, nullptr);
    check(cudaOccupancyMaxActiveClusters(&count, function, &configuration.config),
          "cudaOccupancyMaxActiveClusters");
    return count;
  }
  int device = 0, multiprocessors = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device),
        "cudaDeviceGetAttribute");
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
            &count, function, launch.threads, static_cast<std::size_t>(launch.shared_bytes)),
        "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  return count * multiprocessors;
}

void Kernel::enqueue(cudaStream_t stream, const Launch& launch, void** arguments) const {
  const Configuration configuration(launch, stream);
  check(
      cudaLaunchKernelExC(&configuration.config, reinterpret_cast<const void*>(kernel_), arguments),
      "cudaLaunchKernelExC");
}

}  // namespace flashrnn::cuda
