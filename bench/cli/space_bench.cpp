// SPDX-License-Identifier: Apache-2.0
#include "space_bench.hpp"

#include <dlfcn.h>

#include <Kokkos_Core.hpp>
#include <cmath>
#include <type_traits>

#include "flashrnn/error.hpp"
#include "flashrnn/plan.hpp"
#include "flashrnn/recurrence/execution_space.hpp"
#include "flashrnn/types.hpp"
#ifdef KOKKOS_ENABLE_OPENMP
#include <omp.h>
#endif

namespace flashrnn::bench {
namespace {

template <class Space>
using Bytes = Kokkos::View<unsigned char*, typename Space::memory_space>;

template <class Space>
Bytes<Space> allocate(std::size_t size) {
  try {
    return Bytes<Space>(Kokkos::view_alloc(Kokkos::WithoutInitializing, "tensor"), size);
  } catch (const std::exception&) {  // Kokkos has no type of its own for it
    throw EnvironmentError("not enough memory for a tensor of " + std::to_string(size) + " bytes");
  }
}

/// `count` elements of `type` between -scale and scale, different from each other, so that no sum
/// is subnormal and no function sees one argument alone.
template <class Space>
Bytes<Space> filled(DataType type, Index count, float scale) {
  Bytes<Space> bytes = allocate<Space>(static_cast<std::size_t>(count) * size_of(type));
  unsigned char* const data = bytes.data();
  Kokkos::parallel_for(
      "flashrnn bench: fill", Kokkos::RangePolicy<Space, Kokkos::IndexType<Index>>(0, count),
      KOKKOS_LAMBDA(const Index i) {
        const auto mixed = static_cast<unsigned>(i) * 2654435761U;
        const float value = (static_cast<float>(mixed >> 8) / 8388608.0f - 1.0f) * scale;
        switch (type) {
          case DataType::float64:
            reinterpret_cast<double*>(data)[i] = static_cast<double>(value);
            break;
          case DataType::float32:
            reinterpret_cast<float*>(data)[i] = value;
            break;
          case DataType::bfloat16:
            reinterpret_cast<bfloat16*>(data)[i] = bfloat16(value);
            break;
          case DataType::float16:
            reinterpret_cast<float16*>(data)[i] = float16(value);
            break;
        }
      });
  return bytes;
}

/// Plan, tensors and arguments of one case.
template <class Space>
struct CaseMemory {
  CaseMemory(const Problem& problem, const PlanOptions& options) : plan(space, problem, options) {
    const Shape& s = problem.shape;
    const CellDescription& cell = plan.cell();
    const DataType type = problem.dtype;
    const Index row = s.heads * s.head_dim, sequence = s.steps * s.batch * row;
    const auto input = [&](Index count, double scale) -> void* {
      memory.push_back(filled<Space>(type, count, static_cast<float>(scale)));
      return memory.back().data();
    };
    const auto bytes = [&](std::size_t count) -> void* {
      memory.push_back(allocate<Space>(count));
      // Touched, so that no page is first met within a measurement.
      Kokkos::deep_copy(memory.back(), static_cast<unsigned char>(0));
      return memory.back().data();
    };
    const auto output = [&](Index count) {
      return bytes(static_cast<std::size_t>(count) * size_of(type));
    };
    // Of the size that trained networks have: gates neither saturate nor vanish.
    forward.x.data = input(cell.input_gates * sequence, 1.5);
    forward.R.data = input(cell.recurrent_gates * row * s.head_dim,
                           1 / std::sqrt(static_cast<double>(s.head_dim)));
    forward.b.data = input(cell.bias_gates * row, 0.5);
    forward.workspace = bytes(plan.forward_workspace_bytes());
    if (!problem.training) {
      forward.h.data = output(sequence);
      return;
    }
    forward.states.data = output(cell.states * sequence);
    forward.reserve = bytes(plan.reserve_bytes());
    backward.R = forward.R;
    backward.states.data = forward.states.data;
    backward.reserve = forward.reserve;
    backward.dh.data = input(sequence, 1);
    backward.dx.data = output(cell.input_gates * sequence);
    backward.dR.data = output(cell.recurrent_gates * row * s.head_dim);
    backward.db.data = output(cell.bias_gates * row);
    backward.workspace = bytes(plan.backward_workspace_bytes());
  }

  Space space;
  Plan<Space> plan;
  std::vector<Bytes<Space>> memory;
  ForwardTensors forward;
  BackwardTensors backward;
};

Json values_json(const std::vector<NamedValue>& values) {
  Json out = Json::object();
  for (const NamedValue& entry : values) out[entry.name] = entry.value;
  return out;
}

Json tiling_json(const TileChoice* choice) {
  if (choice == nullptr) return {};
  return {{"backend", find_kernel_text(choice->kernel).backend},
          {"kernel", choice->kernel},
          {"tiling", values_json(choice->best().tiling)},
          {"predicted_step_us", static_cast<double>(choice->best().step_ps) * 1e-6},
          {"limited_by", choice->best().limited_by}};
}

template <class Space>
class SpaceBenchOf final : public SpaceBench {
 public:
  [[nodiscard]] std::string name() const override { return Space::name(); }
  [[nodiscard]] bool cpu() const override { return !is_gpu<Space>; }
  [[nodiscard]] int threads() const override { return is_gpu<Space> ? 0 : Space().concurrency(); }
  [[nodiscard]] std::string device() const override {
    return running_device(Space()).probe.identity;
  }
  [[nodiscard]] Json device_json() const override {
    const RunningDevice& device = running_device(Space());
    return {{"title", device.probe.title},
            {"identity", device.probe.identity},
            {"kind", cpu() ? "cpu" : "gpu"},
            {"model", device.resolved.model->name},
            {"file", device.resolved.file.empty() ? Json() : Json(device.resolved.file)},
            {"probed", values_json(device.probe.values)},
            {"values", values_json(device.resolved.model->values)}};
  }
  [[nodiscard]] std::vector<std::string> backends() const override {
#ifdef KOKKOS_ENABLE_CUDA
    if constexpr (std::is_same_v<Space, Kokkos::Cuda>) return {"cuda", "kokkos"};
#endif
    return {"kokkos"};
  }

  [[nodiscard]] OwnCase make(const Case& one, const std::string& backend,
                             bool tune) const override {
    Problem problem;
    problem.cell = one.cell;
    problem.dtype = one.dtype;
    problem.float32_matmul_precision = one.precision;
    problem.shape = one.shape;
    problem.training = one.pass != Pass::inference;
    const PlanOptions options{backend, tune ? Tuning::measured : Tuning::model};
    const auto memory = std::make_shared<CaseMemory<Space>>(problem, options);
    const bool backward = one.pass == Pass::training_backward;
    OwnCase own;
    own.contender.name = "flashrnn";
    own.contender.call = [memory, backward] {
      memory->plan.forward(memory->space, memory->forward);
      if (backward) memory->plan.backward(memory->space, memory->backward);
    };
    own.contender.wait = [memory] { memory->space.fence("flashrnn bench"); };
    own.plan = {{"describe", memory->plan.describe()},
                {"forward", tiling_json(memory->plan.tiling(false))}};
    if (backward) own.plan["backward"] = tiling_json(memory->plan.tiling(true));
    own.bound = bound_of(one, *running_device(memory->space).resolved.model, threads());
    return own;
  }

  void set_threads() const override {
    if (!cpu()) return;
    // OpenBLAS counts its threads itself; another BLAS library has no such function.
    using SetThreads = void (*)(int);
    if (const auto set =
            reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
      set(threads());
#ifdef KOKKOS_ENABLE_OPENMP
    omp_set_num_threads(threads());
#endif
  }
};

template <class Space>
void add(std::vector<std::unique_ptr<SpaceBench>>& spaces) {
  spaces.push_back(std::make_unique<SpaceBenchOf<Space>>());
}

}  // namespace

std::vector<std::unique_ptr<SpaceBench>> all_spaces() {
  std::vector<std::unique_ptr<SpaceBench>> spaces;
#ifdef KOKKOS_ENABLE_CUDA
  add<Kokkos::Cuda>(spaces);
#endif
#ifdef KOKKOS_ENABLE_HIP
  add<Kokkos::HIP>(spaces);
#endif
#ifdef KOKKOS_ENABLE_OPENMP
  add<Kokkos::OpenMP>(spaces);
#endif
#ifdef KOKKOS_ENABLE_SERIAL
  add<Kokkos::Serial>(spaces);
#endif
  return spaces;
}

}  // namespace flashrnn::bench
