// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/predictor.hpp"

#include <exception>
#include <optional>
#include <span>

#include "flashrnn/error.hpp"
#include "flashrnn/safetensors.hpp"
#include "instantiate.hpp"
#include "io/element_type_of.hpp"

namespace flashrnn {
namespace {

/// @throws InvalidArgument if a vector's length is not that of its shape.
void require_length(const char* name, const char* shape, std::size_t found, std::size_t expected) {
  if (found != expected)
    throw InvalidArgument(std::string(name) + ": expected " + std::to_string(expected) +
                          " values " + shape + ", found " + std::to_string(found));
}

/// The parameters as elements of `type`.
/// @throws InvalidArgument naming a parameter that is NaN or infinite in that type.
std::vector<std::byte> rounded_parameters(const Model& model, DataType type) {
  const ParameterLayout layout(model.architecture);
  require_length("parameters", "for this architecture", model.parameters.size(),
                 static_cast<std::size_t>(layout.size()));
  std::vector<std::byte> bytes =
      encode(std::span<const double>(model.parameters), io::element_type_of(type));
  for (const Parameter& parameter : layout.parameters()) {
    const auto offset = static_cast<std::size_t>(parameter.offset) * size_of(type);
    const auto size = static_cast<std::size_t>(parameter.size) * size_of(type);
    const TensorView view{parameter.name, io::element_type_of(type),
                          TensorShape(parameter.shape.begin(), parameter.shape.end()),
                          std::span<const std::byte>(bytes).subspan(offset, size)};
    if (const auto bad = first_non_finite(view)) {
      const double value =
          model.parameters[static_cast<std::size_t>(parameter.offset) + bad->offset];
      throw InvalidArgument("parameter " + parameter.name + ": its element " +
                            shape_text(bad->index) + " is " + std::to_string(value) +
                            ", which is no finite " + std::string(name_of(type)));
    }
  }
  return bytes;
}

/// Memory of an execution space that grows when it must.
template <class ExecutionSpace>
class Buffer {
 public:
  /// At least `bytes` bytes, null if 0. Contents are lost when it grows.
  void* reserve(const ExecutionSpace& space, std::size_t bytes) {
    if (bytes > view_.size()) {
      try {
        view_ = View();  // give back first
        view_ = View(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "flashrnn::predictor"),
                     bytes);
      } catch (const std::exception& cause) {
        throw EnvironmentError("predictor: cannot allocate " + std::to_string(bytes) +
                               " bytes in " + ExecutionSpace::memory_space::name() + ": " +
                               cause.what());
      }
    }
    return bytes == 0 ? nullptr : view_.data();
  }
  /// The same, filled with `values`, which must live until the space is fenced.
  void* copy_in(const ExecutionSpace& space, std::span<const std::byte> values) {
    void* const data = reserve(space, values.size());
    using Host = Kokkos::View<const char*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>;
    if (data != nullptr)
      Kokkos::deep_copy(space, part(values.size()),
                        Host(reinterpret_cast<const char*>(values.data()), values.size()));
    return data;
  }
  /// The first values.size() bytes; valid once the space is fenced.
  void copy_out(const ExecutionSpace& space, std::span<std::byte> values) const {
    using Host = Kokkos::View<char*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>;
    Kokkos::deep_copy(space, Host(reinterpret_cast<char*>(values.data()), values.size()),
                      part(values.size()));
  }

 private:
  using Memory = typename ExecutionSpace::memory_space;
  using View = Kokkos::View<char*, Memory>;
  auto part(std::size_t bytes) const {
    return Kokkos::View<char*, Memory, Kokkos::MemoryUnmanaged>(view_.data(), bytes);
  }
  View view_;
};

std::vector<double> decode(std::span<const std::byte> bytes, DataType type) {
  const auto count = static_cast<std::int64_t>(bytes.size() / size_of(type));
  return to_vector<double>(TensorView{"", io::element_type_of(type), {count}, bytes});
}

}  // namespace

template <class ExecutionSpace>
struct Predictor<ExecutionSpace>::Parts {
  ExecutionSpace space;
  Architecture architecture;
  DataType dtype;
  PlanOptions options;
  std::optional<Network<ExecutionSpace>> network;
  Buffer<ExecutionSpace> parameters, u, s0, y, last, workspace;
  void* parameter_data = nullptr;

  /// The network for sequences of that size, kept while the size stays.
  const Network<ExecutionSpace>& network_for(const Sequences& sequences) {
    if (!network || network->problem().steps != sequences.steps ||
        network->problem().batch != sequences.batch ||
        network->problem().order != sequences.order) {
      NetworkProblem problem;
      problem.architecture = architecture;
      problem.dtype = dtype;
      problem.steps = sequences.steps;
      problem.batch = sequences.batch;
      problem.order = sequences.order;
      network.emplace(space, problem, options);
    }
    return *network;
  }
};

template <class ExecutionSpace>
Predictor<ExecutionSpace>::Predictor(const ExecutionSpace& space, const Model& model,
                                     DataType dtype, const PlanOptions& options)
    : parts_(new Parts{space, model.architecture, dtype, options, {}, {}, {}, {}, {}, {}, {}}) {
  const std::vector<std::byte> bytes = rounded_parameters(model, dtype);
  parts_->parameter_data = parts_->parameters.copy_in(space, bytes);
  space.fence("flashrnn::predictor");
}
template <class ExecutionSpace>
Predictor<ExecutionSpace>::Predictor(Predictor&&) noexcept = default;
template <class ExecutionSpace>
Predictor<ExecutionSpace>& Predictor<ExecutionSpace>::operator=(Predictor&&) noexcept = default;
template <class ExecutionSpace>
Predictor<ExecutionSpace>::~Predictor() = default;

template <class ExecutionSpace>
const Architecture& Predictor<ExecutionSpace>::architecture() const {
  return parts_->architecture;
}
template <class ExecutionSpace>
const CellDescription& Predictor<ExecutionSpace>::cell() const {
  return find_cell(parts_->architecture.cell);
}

template <class ExecutionSpace>
Prediction Predictor<ExecutionSpace>::predict(const Sequences& sequences) {
  Parts& p = *parts_;
  const Network<ExecutionSpace>& network = p.network_for(sequences);
  const auto rows = static_cast<std::size_t>(sequences.steps * sequences.batch);
  require_length("u", "[T, B, I]", sequences.u.size(),
                 rows * static_cast<std::size_t>(p.architecture.input_size));
  const bool given = !sequences.initial_states.empty();
  if (given)
    require_length("initial states", "[S, layers · directions, B, hidden]",
                   sequences.initial_states.size(), network.state_size());

  const ElementType type = io::element_type_of(p.dtype);
  const auto u = encode(std::span<const double>(sequences.u), type);
  const auto s0 = encode(std::span<const double>(sequences.initial_states), type);
  std::vector<std::byte> y(rows * static_cast<std::size_t>(p.architecture.features()) *
                           size_of(p.dtype));
  std::vector<std::byte> last(network.state_size() * size_of(p.dtype));

  NetworkForwardTensors tensors;
  tensors.parameters = p.parameter_data;
  tensors.u.data = p.u.copy_in(p.space, u);
  tensors.s0 = given ? p.s0.copy_in(p.space, s0) : nullptr;
  tensors.y.data = p.y.reserve(p.space, y.size());
  tensors.last = p.last.reserve(p.space, last.size());
  tensors.workspace = p.workspace.reserve(p.space, network.forward_workspace_bytes());
  network.forward(p.space, tensors);
  p.y.copy_out(p.space, y);
  p.last.copy_out(p.space, last);
  p.space.fence("flashrnn::predict");
  return {decode(y, p.dtype), decode(last, p.dtype)};
}

#define FLASHRNN_INSTANTIATE(space) template class Predictor<space>;
FLASHRNN_FOR_EACH_EXECUTION_SPACE(FLASHRNN_INSTANTIATE)
#undef FLASHRNN_INSTANTIATE

}  // namespace flashrnn
