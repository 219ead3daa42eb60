// SPDX-License-Identifier: Apache-2.0
#include "library.hpp"

#include <Kokkos_Core.hpp>
#include <mutex>
#include <string>

#include "flashrnn/prepare.hpp"
#include "status.hpp"
#include "versioned.hpp"

namespace flashrnn::c_api {
namespace {

std::mutex mutex;
// All guarded by `mutex`.
long initialized = 0;         // calls of initialize without their finalize
long plans = 0;               // plans that exist
bool started_kokkos = false;  // whether the first initialize did

/// GPUs that this process sees; asked of the vendor, because Kokkos ends the process if it fails.
int count_gpus() {
  int count = 0;
#if defined(KOKKOS_ENABLE_CUDA)
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess)
    throw EnvironmentError(std::string("CUDA: ") + cudaGetErrorString(error));
#elif defined(KOKKOS_ENABLE_HIP)
  const hipError_t error = hipGetDeviceCount(&count);
  if (error != hipSuccess) throw EnvironmentError(std::string("HIP: ") + hipGetErrorString(error));
#endif
  return count;
}

Kokkos::InitializationSettings settings_of(const flashrnn_initialize_options* options) {
  Kokkos::InitializationSettings settings;
  settings.set_disable_warnings(true);  // a library writes nothing to its caller's terminal
  constexpr bool has_gpu =
      !Kokkos::SpaceAccessibility<Kokkos::DefaultExecutionSpace, Kokkos::HostSpace>::accessible;
  const int gpus = count_gpus();
  if (has_gpu && gpus == 0)
    throw EnvironmentError("no GPU found, but this build of the library is for one");
  if (options == nullptr) return settings;

  const auto given = copy_versioned(options, "initialize_options");
  if (given.threads < 0)
    throw InvalidArgument("threads: expected at least 0, found " + std::to_string(given.threads));
  if (given.threads > 0) settings.set_num_threads(given.threads);
  const int most = has_gpu ? gpus - 1 : 0;
  if (given.device < 0 || given.device > most)
    throw InvalidArgument("device: expected a number between 0 and " + std::to_string(most) +
                          (has_gpu ? "" : " (this build of the library has no GPU)") + ", found " +
                          std::to_string(given.device));
  if (has_gpu) settings.set_device_id(given.device);
  return settings;
}

/// Kokkos ends the process where it does not like to be started.
void check_can_start() {
  if (Kokkos::is_finalized())
    throw InvalidState(
        "flashrnn_initialize: Kokkos has been finalised and cannot start again in this process; "
        "call flashrnn_finalize once, when no more plans will be made");
#ifdef KOKKOS_ENABLE_OPENMP
  if (omp_get_level() > 0)
    throw InvalidState("flashrnn_initialize: called inside an OpenMP parallel region");
#endif
}

/// What the first plan would otherwise take its time for. Whatever is wrong with the device, that
/// plan says so.
void prepare_plans() {
  try {
    flashrnn::prepare_plans(Kokkos::DefaultExecutionSpace());
  } catch (const std::exception&) {
  }
}

}  // namespace

void initialize(const flashrnn_initialize_options* options) {
  const std::lock_guard lock(mutex);
  if (initialized == 0) {
    const bool running = Kokkos::is_initialized();
    if (!running) {
      check_can_start();
      Kokkos::initialize(settings_of(options));
    }
    started_kokkos = !running;
    prepare_plans();
  } else if (options != nullptr) {
    copy_versioned(options, "initialize_options");
  }
  ++initialized;
}

void finalize() {
  const std::lock_guard lock(mutex);
  if (initialized == 0)
    throw InvalidState("flashrnn_finalize: there is no flashrnn_initialize to take back");
  if (initialized == 1) {
    if (plans > 0)
      throw InvalidState("flashrnn_finalize: " + std::to_string(plans) +
                         " plan(s) still exist; call flashrnn_plan_destroy first");
    if (started_kokkos && Kokkos::is_initialized()) Kokkos::finalize();
  }
  --initialized;
}

PlanCount::PlanCount() {
  const std::lock_guard lock(mutex);
  if (initialized == 0 || !Kokkos::is_initialized())
    throw InvalidState("flashrnn_plan_create: call flashrnn_initialize first");
  ++plans;
}

PlanCount::~PlanCount() {
  const std::lock_guard lock(mutex);
  --plans;
}

}  // namespace flashrnn::c_api
