// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <span>
#include <string>
#include <vector>

#include "sources.hpp"

namespace flashrnn::cuda {

/// @throws EnvironmentError with the runtime's text unless `status` is success.
void check(cudaError_t status, const char* call);

/// What the runtime says of a loaded kernel.
struct KernelFigures {
  int registers = 0;            ///< per thread
  std::size_t local_bytes = 0;  ///< stack and spills, per thread
};

/// How a kernel is launched.
struct Launch {
  unsigned blocks = 1;
  int threads = 1;
  int shared_bytes = 0;
  int cluster = 1;               ///< blocks that share their memory (sm_90)
  bool together = false;         ///< all blocks run at the same time, or the launch fails
  bool beside_previous = false;  ///< may start while the kernel in front of it is running
  unsigned blocks_y = 1, blocks_z = 1;
};

/// A kernel of a program that was compiled at run time. Loaded once per process and kept: code is
/// small, and unloading it while the process ends would race with the runtime's own end.
class Kernel {
 public:
  /// The kernels of `programs` for the current device, one of each: those that are neither loaded
  /// nor embedded in the library are taken from the cache or compiled, all at the same time.
  static std::vector<Kernel> load(std::span<const Program> programs);
  static Kernel load(const Program& program) { return load(std::span(&program, 1)).front(); }

  /// Another kernel of the same program.
  Kernel of_same_program(const std::string& name) const;

  /// Allows `bytes` of dynamic shared memory on the current device.
  void set_shared_bytes(int bytes) const;
  /// Divides a multiprocessor's memory between shared memory and cache as for kernels that fill the
  /// former.
  void prefer_shared_memory() const;
  /// Allows clusters of 16 blocks, which not every device has room for.
  void allow_large_clusters() const;
  KernelFigures figures() const;
  /// Clusters, or blocks without clusters, that the current device runs at the same time.
  int room_for(const Launch& launch) const;

  /// Enqueues the kernel; allocates nothing and waits for nothing.
  template <class Parameters>
  void launch(cudaStream_t stream, unsigned blocks, int threads, int shared_bytes,
              const Parameters& parameters) const {
    this->launch(stream, Launch{blocks, threads, shared_bytes}, parameters);
  }
  template <class Parameters>
  void launch(cudaStream_t stream, const Launch& launch, const Parameters& parameters) const {
    void* argument = const_cast<Parameters*>(&parameters);
    enqueue(stream, launch, &argument);
  }
  /// The same for a kernel that may start while the kernel in front of it in the stream is running,
  /// as soon as that one allows it, and waits for its end by itself.
  template <class Parameters>
  void launch_beside_previous(cudaStream_t stream, unsigned blocks, int threads, int shared_bytes,
                              const Parameters& parameters) const {
    Launch launch{blocks, threads, shared_bytes};
    launch.beside_previous = true;
    this->launch(stream, launch, parameters);
  }

 private:
  void enqueue(cudaStream_t stream, const Launch& launch, void** arguments) const;
  cudaKernel_t kernel_ = nullptr;
  cudaLibrary_t library_ = nullptr;
};

/// The architecture to compile for on the current device, as "sm_90a".
/// @throws EnvironmentError if there is no device.
std::string current_architecture();

}  // namespace flashrnn::cuda
