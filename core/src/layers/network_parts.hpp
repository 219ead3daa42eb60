// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "flashrnn/layer.hpp"
#include "flashrnn/network.hpp"
#include "layers/projection.hpp"
#include "layers/sequence.hpp"
#include "layers/validate.hpp"

namespace flashrnn {

inline const NetworkProblem& valid(const NetworkProblem& problem) {
  validate(problem);
  return problem;
}

/// What a network consists of, and how it divides its memory.
template <class ExecutionSpace>
struct Network<ExecutionSpace>::Parts {
  Parts(const ExecutionSpace& space, const NetworkProblem& network, const PlanOptions& options)
      : problem(valid(network)),
        architecture(problem.architecture),
        layout(architecture),
        frame{problem.steps, problem.batch, problem.order, problem.dtype,
              problem.float32_matmul_precision},
        units(architecture.hidden_size()),
        outputs(architecture.directions() * units) {
    for (Index layer = 0; layer < architecture.layers; ++layer)
      for (Index d = 0; d < architecture.directions(); ++d)
        layers.emplace_back(space, layer_problem(problem, layer, direction(d)), options);
    if (!architecture.output_size) return;
    gemm = make_gemm<ExecutionSpace>(space);
    head.emplace(frame, outputs, *architecture.output_size, *gemm);
  }

  static Direction direction(Index d) { return d == 0 ? Direction::forward : Direction::reverse; }
  const Layer<ExecutionSpace>& layer(Index index, Index d) const {
    return layers[static_cast<std::size_t>(index * architecture.directions() + d)];
  }
  std::size_t bytes(Index elements) const {
    return static_cast<std::size_t>(elements) * size_of(problem.dtype);
  }
  std::size_t most_of(std::size_t (Layer<ExecutionSpace>::*count)() const) const {
    std::size_t most = 0;
    for (const auto& each : layers) most = std::max(most, (each.*count)());
    return most;
  }

  /// Layers whose output is not the network's: all but the last, which is too if there is a head.
  Index hidden_outputs() const { return architecture.layers - (head ? 0 : 1); }
  std::size_t hidden_bytes() const { return bytes(frame.elements(outputs)); }
  /// Two outputs in turn are enough where none is kept.
  std::size_t turns() const {
    return static_cast<std::size_t>(std::min<Index>(2, hidden_outputs()));
  }

  /// What training keeps: every hidden output, then the reserve of every layer and direction.
  template <class Byte>
  struct Reserve {
    Reserve(const Parts& parts, Byte* base) : parts_(&parts), base_(base) {
      for (const auto& each : parts.layers) {
        offsets_.push_back(bytes_of_outputs() + in_layers_);
        in_layers_ += aligned(each.reserve_bytes());
      }
    }
    Byte* output(Index layer) const {
      return base_ + static_cast<std::size_t>(layer) * aligned(parts_->hidden_bytes());
    }
    Byte* of(Index layer, Index d) const {
      return base_ +
             offsets_[static_cast<std::size_t>(layer * parts_->architecture.directions() + d)];
    }
    std::size_t bytes() const { return bytes_of_outputs() + in_layers_; }

   private:
    static std::size_t aligned(std::size_t bytes) {
      WorkspaceDivider divide(nullptr);
      divide.take<char>(bytes);
      return divide.used();
    }
    std::size_t bytes_of_outputs() const {
      return static_cast<std::size_t>(parts_->hidden_outputs()) * aligned(parts_->hidden_bytes());
    }

    const Parts* parts_;
    Byte* base_;
    std::vector<std::size_t> offsets_;  // of each layer and direction
    std::size_t in_layers_ = 0;
  };

  /// Hidden sequences in turn, and memory that layers and head use one after the other.
  struct Workspace {
    Workspace(const Parts& parts, std::size_t sequences, std::size_t shared_bytes, void* base) {
      WorkspaceDivider divide(base);
      for (std::size_t n = 0; n < sequences; ++n)
        hidden[n] = divide.take<char>(parts.hidden_bytes());
      shared = divide.take<char>(shared_bytes);
      bytes = divide.used();
    }
    std::array<char*, 2> hidden{};
    char* shared;
    std::size_t bytes;
  };
  Workspace forward_workspace(void* base) const {
    const std::size_t layer_bytes = most_of(&Layer<ExecutionSpace>::forward_workspace_bytes);
    const std::size_t head_bytes = head ? head->forward_workspace_bytes() : 0;
    return {*this, problem.training ? 0 : turns(), std::max(layer_bytes, head_bytes), base};
  }
  Workspace backward_workspace(void* base) const {
    const std::size_t layer_bytes = most_of(&Layer<ExecutionSpace>::backward_workspace_bytes);
    const std::size_t head_bytes = head ? head->backward_workspace_bytes() : 0;
    return {*this, turns(), std::max(layer_bytes, head_bytes), base};
  }

  /// A layer's parameter in an array laid out as `layout`, null if there is none.
  template <class Pointer>
  Pointer parameter(Pointer all, std::string_view tensor, Index layer, Index d) const {
    return parameter(all, ParameterLayout::name(tensor, layer, d == 1));
  }
  template <class Pointer>
  Pointer parameter(Pointer all, const std::string& name) const {
    const Parameter* const found = layout.find(name);
    return found == nullptr ? nullptr : advance(all, found->offset, problem.dtype);
  }

  /// [S, B, H, D] of one layer and direction in a tensor [S, L · directions, B, H · D].
  template <class Pointer>
  BasicTensor<Pointer, Strides> states_of(Pointer all, Index layer, Index d) const {
    const Index block = problem.batch * units;
    const Index recurrences = architecture.layers * architecture.directions();
    return {advance(all, (layer * architecture.directions() + d) * block, problem.dtype),
            Strides{recurrences * block, 0, units, architecture.head_dim}};
  }

  /// [T, B, H, D] of one direction in rows of both.
  template <class Pointer>
  BasicTensor<Pointer, Strides> direction_of(const BasicSequence<Pointer>& rows, Index d) const {
    return {advance(rows.data, d * units, problem.dtype),
            Strides{0, rows.step, rows.batch, architecture.head_dim}};
  }

  /// A sequence as an argument of a layer.
  template <class Pointer>
  static BasicTensor<Pointer, Strides> tensor(const BasicSequence<Pointer>& rows) {
    return {rows.data, Strides{0, rows.step, rows.batch, 0}};
  }

  NetworkProblem problem;
  Architecture architecture;
  ParameterLayout layout;
  SequenceFrame frame;
  Index units;    // of one direction
  Index outputs;  // of all directions
  std::vector<Layer<ExecutionSpace>> layers;
  std::unique_ptr<const Gemm<ExecutionSpace>> gemm;
  std::optional<Projection<ExecutionSpace>> head;
};

}  // namespace flashrnn
