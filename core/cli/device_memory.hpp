// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <span>
#include <vector>

#include "flashrnn/error.hpp"

namespace flashrnn::cli {

/// Kokkos, running from here to the end of the scope.
class KokkosScope {
 public:
  KokkosScope()
      // Hints on thread binding would stand between the program's own messages.
      : guard_(Kokkos::InitializationSettings().set_disable_warnings(true)) {}

 private:
  Kokkos::ScopeGuard guard_;
};

/// Bytes in the memory of an execution space.
template <class ExecutionSpace>
class DeviceBytes {
 public:
  DeviceBytes() = default;

  /// Uninitialised bytes. Throws EnvironmentError if there is not enough memory.
  explicit DeviceBytes(std::size_t size) {
    try {
      view_ = View(Kokkos::view_alloc(Kokkos::WithoutInitializing, "tensor"), size);
    } catch (const std::exception&) {  // Kokkos has no type of its own for it
      throw EnvironmentError("not enough memory for a tensor of " + std::to_string(size) +
                             " bytes");
    }
  }

  /// A copy of `bytes`.
  explicit DeviceBytes(std::span<const std::byte> bytes) : DeviceBytes(bytes.size()) {
    Kokkos::deep_copy(view_,
                      HostView(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
  }

  /// Null if there are no bytes.
  [[nodiscard]] void* data() const { return view_.data(); }

  [[nodiscard]] std::vector<std::byte> download() const {
    const auto mirror = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), view_);
    const auto* begin = reinterpret_cast<const std::byte*>(mirror.data());
    return {begin, begin + mirror.size()};
  }

 private:
  using View = Kokkos::View<unsigned char*, typename ExecutionSpace::memory_space>;
  using HostView = Kokkos::View<const unsigned char*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>;
  View view_;
};

}  // namespace flashrnn::cli
