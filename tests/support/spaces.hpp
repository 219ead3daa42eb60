// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"

namespace flashrnn::test {

template <class... Types>
struct TypeList {
  /// Calls body.template operator()<Type>() for every type of the list.
  template <class Body>
  static void for_each(const Body& body) {
    (body.template operator()<Types>(), ...);
  }
};

/// The execution spaces of this build.
using Spaces = TypeList<
#ifdef KOKKOS_ENABLE_CUDA
    Kokkos::Cuda,
#endif
#ifdef KOKKOS_ENABLE_HIP
    Kokkos::HIP,
#endif
#ifdef KOKKOS_ENABLE_OPENMP
    Kokkos::OpenMP,
#endif
    Kokkos::Serial>;

using Cells = TypeList<Elman, ElmanRelu, Gru, Lstm, Slstm>;

}  // namespace flashrnn::test
