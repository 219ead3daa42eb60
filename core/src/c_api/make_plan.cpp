// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "any_plan.hpp"
#include "space_plan.hpp"

namespace flashrnn::c_api {
namespace {

DataType data_type(flashrnn_dtype dtype) {
  switch (dtype) {
    case FLASHRNN_FLOAT64:
      return DataType::float64;
    case FLASHRNN_FLOAT32:
      return DataType::float32;
    case FLASHRNN_BFLOAT16:
      return DataType::bfloat16;
    case FLASHRNN_FLOAT16:
      return DataType::float16;
    default:
      throw InvalidArgument(
          "dtype: expected FLASHRNN_FLOAT64 (1), FLASHRNN_FLOAT32 (2), FLASHRNN_BFLOAT16 (3) or "
          "FLASHRNN_FLOAT16 (4), found " +
          std::to_string(dtype));
  }
}

SequenceOrder sequence_order(flashrnn_order order) {
  switch (order) {
    case FLASHRNN_TIME_MAJOR:
      return SequenceOrder::time_major;
    case FLASHRNN_BATCH_FIRST:
      return SequenceOrder::batch_first;
    default:
      throw InvalidArgument(
          "order: expected FLASHRNN_TIME_MAJOR (0) or FLASHRNN_BATCH_FIRST (1), found " +
          std::to_string(order));
  }
}

MatmulPrecision matmul_precision(flashrnn_matmul_precision value) {
  switch (value) {
    case FLASHRNN_MATMUL_HIGHEST:
      return MatmulPrecision::highest;
    case FLASHRNN_MATMUL_HIGH:
      return MatmulPrecision::high;
    default:
      throw InvalidArgument(
          "float32_matmul_precision: expected FLASHRNN_MATMUL_HIGHEST (0) or FLASHRNN_MATMUL_HIGH "
          "(1), found " +
          std::to_string(value));
  }
}

Tuning tuning(flashrnn_tuning value) {
  switch (value) {
    case FLASHRNN_TUNE_MODEL:
      return Tuning::model;
    case FLASHRNN_TUNE_MEASURED:
      return Tuning::measured;
    default:
      throw InvalidArgument(
          "tuning: expected FLASHRNN_TUNE_MODEL (0) or FLASHRNN_TUNE_MEASURED (1), found " +
          std::to_string(value));
  }
}

Problem to_problem(const flashrnn_problem& given) {
  Problem problem;
  problem.cell = &required(given.cell, "cell");
  problem.dtype = data_type(given.dtype);
  problem.order = sequence_order(given.order);
  problem.shape = {given.steps, given.batch, given.heads, given.head_dim};
  problem.training = given.training != 0;
  problem.cut_recurrent_gradient = given.cut_recurrent_gradient != 0;
  problem.float32_matmul_precision = matmul_precision(given.float32_matmul_precision);
  if (given.forward_clip != 0) problem.forward_clip = given.forward_clip;
  if (given.recurrent_gradient_clip != 0)
    problem.recurrent_gradient_clip = given.recurrent_gradient_clip;
  return problem;
}

const char* name_of_device(flashrnn_device device) {
  switch (device) {
    case FLASHRNN_HOST_SERIAL:
      return "FLASHRNN_HOST_SERIAL";
    case FLASHRNN_HOST_OPENMP:
      return "FLASHRNN_HOST_OPENMP";
    case FLASHRNN_CUDA:
      return "FLASHRNN_CUDA";
    case FLASHRNN_HIP:
      return "FLASHRNN_HIP";
    default:
      return nullptr;
  }
}

constexpr flashrnn_device all_devices[] = {FLASHRNN_HOST_SERIAL, FLASHRNN_HOST_OPENMP,
                                           FLASHRNN_CUDA, FLASHRNN_HIP};

/// Calls body<ExecutionSpace>() for the device's execution space; false if this build has none.
template <class Body>
bool with_execution_space(flashrnn_device device, const Body& body) {
  switch (device) {
#ifdef KOKKOS_ENABLE_SERIAL
    case FLASHRNN_HOST_SERIAL:
      body.template operator()<Kokkos::Serial>();
      return true;
#endif
#ifdef KOKKOS_ENABLE_OPENMP
    case FLASHRNN_HOST_OPENMP:
      body.template operator()<Kokkos::OpenMP>();
      return true;
#endif
#ifdef KOKKOS_ENABLE_CUDA
    case FLASHRNN_CUDA:
      body.template operator()<Kokkos::Cuda>();
      return true;
#endif
#ifdef KOKKOS_ENABLE_HIP
    case FLASHRNN_HIP:
      body.template operator()<Kokkos::HIP>();
      return true;
#endif
    default:
      return false;
  }
}

[[noreturn]] void fail_without_device(flashrnn_device device) {
  std::string known, built;
  for (const flashrnn_device each : all_devices) {
    const std::string name = name_of_device(each);
    known += (known.empty() ? "" : ", ") + name + " (" + std::to_string(each) + ")";
    if (device_built(each)) built += (built.empty() ? "" : ", ") + name;
  }
  const char* const name = name_of_device(device);
  if (name == nullptr)
    throw InvalidArgument("device: expected one of " + known + ", found " + std::to_string(device));
  throw DeviceUnavailable("device: this build of the library has " + built + ", not " + name);
}

}  // namespace

bool device_built(flashrnn_device device) {
  bool built = false;
  with_execution_space(device, [&built]<class ExecutionSpace>() { built = true; });
  return built;
}

std::unique_ptr<flashrnn_plan> make_plan(const flashrnn_problem& problem,
                                         const flashrnn_plan_options& options) {
  const Problem converted = to_problem(problem);
  PlanOptions plan_options;
  plan_options.tuning = tuning(options.tuning);
  if (options.backend != nullptr) plan_options.backend = options.backend;
  std::unique_ptr<flashrnn_plan> plan;
  if (!with_execution_space(options.device, [&]<class ExecutionSpace>() {
        plan = std::make_unique<SpacePlan<ExecutionSpace>>(converted, plan_options);
      }))
    fail_without_device(options.device);
  return plan;
}

}  // namespace flashrnn::c_api
