// SPDX-License-Identifier: Apache-2.0
// The header as C++ reads it: every function links, and no structure has padding or members that
// Fortran's iso_c_binding could not describe.
#include <cstddef>
#include <type_traits>

#include "flashrnn/flashrnn.h"

template <class Struct>
constexpr bool plain = std::is_standard_layout_v<Struct>&& std::is_trivial_v<Struct>;

static_assert(plain<flashrnn_problem> && plain<flashrnn_sizes> && plain<flashrnn_tensor> &&
              plain<flashrnn_const_tensor> && plain<flashrnn_buffer> &&
              plain<flashrnn_plan_options> && plain<flashrnn_initialize_options> &&
              plain<flashrnn_forward_arguments> && plain<flashrnn_backward_arguments>);

// Structures as libflashrnn.so.0 has them: a change here breaks programs that are built already,
// unless members are added at the end.
#if INTPTR_MAX == INT64_MAX
static_assert(sizeof(flashrnn_initialize_options) == 16);
static_assert(sizeof(flashrnn_problem) == 88);
static_assert(sizeof(flashrnn_plan_options) == 24);
static_assert(sizeof(flashrnn_sizes) == 112);
static_assert(sizeof(flashrnn_tensor) == 24 && sizeof(flashrnn_const_tensor) == 24);
static_assert(sizeof(flashrnn_buffer) == 16);
static_assert(offsetof(flashrnn_forward_arguments, R_is_prepared) == 8 + 7 * 24 + 2 * 16);
static_assert(sizeof(flashrnn_forward_arguments) == 8 + 7 * 24 + 2 * 16 + 8);
static_assert(sizeof(flashrnn_backward_arguments) == 8 + 9 * 24 + 2 * 16);
#endif

int main() {
  int major = 0;
  flashrnn_version(&major, nullptr, nullptr);
  return major == FLASHRNN_VERSION_MAJOR && flashrnn_last_error()[0] == '\0' ? 0 : 1;
}
