// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/flashrnn.h"

#include <algorithm>
#include <cstring>

#include "any_plan.hpp"
#include "library.hpp"
#include "status.hpp"
#include "versioned.hpp"

// The functions of flashrnn.h: each unpacks its arguments and turns exceptions into statuses.

using flashrnn::c_api::copy_versioned;
using flashrnn::c_api::guarded;
using flashrnn::c_api::required;

void flashrnn_version(int32_t* major, int32_t* minor, int32_t* patch) {
  if (major != nullptr) *major = FLASHRNN_VERSION_MAJOR;
  if (minor != nullptr) *minor = FLASHRNN_VERSION_MINOR;
  if (patch != nullptr) *patch = FLASHRNN_VERSION_PATCH;
}

const char* flashrnn_status_string(flashrnn_status status) {
  switch (status) {
    case FLASHRNN_SUCCESS:
      return "success";
    case FLASHRNN_INVALID_ARGUMENT:
      return "invalid argument";
    case FLASHRNN_INVALID_STATE:
      return "invalid state";
    case FLASHRNN_DEVICE_UNAVAILABLE:
      return "device unavailable in this build";
    case FLASHRNN_OUT_OF_MEMORY:
      return "out of memory";
    case FLASHRNN_ENVIRONMENT_ERROR:
      return "environment error";
    case FLASHRNN_INTERNAL_ERROR:
      return "internal error";
    default:
      return "unknown status";
  }
}

const char* flashrnn_last_error(void) {
  return flashrnn::c_api::last_error();
}

int32_t flashrnn_device_built(flashrnn_device device) {
  return flashrnn::c_api::device_built(device) ? 1 : 0;
}

flashrnn_status flashrnn_initialize(const flashrnn_initialize_options* options) {
  return guarded([&] { flashrnn::c_api::initialize(options); });
}

flashrnn_status flashrnn_finalize(void) {
  return guarded([] { flashrnn::c_api::finalize(); });
}

flashrnn_status flashrnn_plan_create(const flashrnn_problem* problem,
                                     const flashrnn_plan_options* options, flashrnn_plan** plan) {
  return guarded([&] {
    required(plan, "plan") = nullptr;
    *plan = flashrnn::c_api::make_plan(copy_versioned(problem, "problem"),
                                       copy_versioned(options, "plan_options"))
                .release();
  });
}

void flashrnn_plan_destroy(flashrnn_plan* plan) {
  // Destructors wait for the device, which may report what failed there.
  guarded([&] { delete plan; });
}

flashrnn_status flashrnn_plan_describe(const flashrnn_plan* plan, const char** text) {
  return guarded([&] { required(text, "text") = required(plan, "plan").description(); });
}

flashrnn_status flashrnn_plan_sizes(const flashrnn_plan* plan, flashrnn_sizes* sizes) {
  return guarded([&] {
    const flashrnn_sizes known = required(plan, "plan").sizes();
    flashrnn::c_api::check_struct_size(required(sizes, "sizes"), "sizes");
    const size_t struct_size = sizes->struct_size;
    std::memset(sizes, 0, struct_size);
    std::memcpy(sizes, &known, std::min(struct_size, sizeof(known)));
    sizes->struct_size = struct_size;
  });
}

flashrnn_status flashrnn_forward(flashrnn_plan* plan, void* stream,
                                 const flashrnn_forward_arguments* arguments) {
  return guarded([&] {
    required(plan, "plan").forward(stream, copy_versioned(arguments, "forward_arguments"));
  });
}

flashrnn_status flashrnn_backward(flashrnn_plan* plan, void* stream,
                                  const flashrnn_backward_arguments* arguments) {
  return guarded([&] {
    required(plan, "plan").backward(stream, copy_versioned(arguments, "backward_arguments"));
  });
}

flashrnn_status flashrnn_plan_synchronize(flashrnn_plan* plan) {
  return guarded([&] { required(plan, "plan").synchronize(); });
}
