// SPDX-License-Identifier: Apache-2.0
#include "peers.hpp"

#ifdef FLASHRNN_BENCH_ONE_DNN
#include <dnnl.hpp>
#include <memory>
#include <unordered_map>
#include <utility>

namespace flashrnn::bench {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;

struct Step {
  dnnl::primitive primitive;
  Arguments arguments;
};

struct Library {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};

  void run(std::vector<Step>& steps) {
    for (Step& step : steps) step.primitive.execute(stream, step.arguments);
    stream.wait();
  }
  /// Memory of a description; floats are set to `value`, so that nothing is subnormal or NaN.
  memory make(const memory::desc& description, float value = 0.01f) {
    memory out(description, engine);
#if DNNL_VERSION_MAJOR >= 3
    const bool is_float = description.get_data_type() == memory::data_type::f32;
#else
    const bool is_float = description.data_type() == memory::data_type::f32;
#endif
    if (is_float) {
      auto* const data = static_cast<float*>(out.get_data_handle());
      for (std::size_t i = 0; i < description.get_size() / sizeof(float); ++i) data[i] = value;
    } else {
      auto* const data = static_cast<unsigned short*>(out.get_data_handle());
      for (std::size_t i = 0; i < description.get_size() / 2; ++i) data[i] = 0x3c23;  // 0.00995
    }
    return out;
  }
  /// Weights in the order that a primitive chose, which may be opaque (packed for its own products,
  /// with a header): brought there by the library itself.
  memory make_weights(const memory::desc& plain, const memory::desc& chosen) {
    memory from = make(plain);
    if (plain == chosen) return from;
    memory out(chosen, engine);
    dnnl::reorder(from, out).execute(stream, from, out);
    stream.wait();
    return out;
  }
};

/// Descriptions of one head's tensors. `any` lets the library choose the order of weights.
struct Head {
  Head(const Shape& s, memory::data_type type, bool any)
      : layer({s.steps, s.batch, s.head_dim}, type, Tag::tnc),
        iter({1, 1, s.batch, s.head_dim}, type, Tag::ldnc),
        cell({1, 1, s.batch, s.head_dim}, memory::data_type::f32, Tag::ldnc),
        plain_weights({1, 1, s.head_dim, 4, s.head_dim}, type, Tag::ldigo),
        weights({1, 1, s.head_dim, 4, s.head_dim}, type, any ? Tag::any : Tag::ldigo),
        bias({1, 1, 4, s.head_dim}, memory::data_type::f32, Tag::ldgo) {}
  memory::desc layer, iter, cell, plain_weights, weights, bias;
};

constexpr auto direction = dnnl::rnn_direction::unidirectional_left2right;

dnnl::lstm_forward::primitive_desc describe_forward(const dnnl::engine& engine, const Head& d,
                                                    dnnl::prop_kind kind) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine,    kind,      direction, d.layer, d.iter, d.cell,
          d.weights, d.weights, d.bias,    d.layer, d.iter, d.cell};
#else
  return {{kind, direction, d.layer, d.iter, d.cell, d.weights, d.weights, d.bias, d.layer, d.iter,
           d.cell},
          engine};
#endif
}

dnnl::lstm_backward::primitive_desc describe_backward(
    const dnnl::engine& engine, const Head& d, const dnnl::lstm_forward::primitive_desc& forward) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine,    dnnl::prop_kind::backward,
          direction, d.layer,
          d.iter,    d.cell,
          d.weights, d.weights,
          d.bias,    d.layer,
          d.iter,    d.cell,
          d.layer,   d.iter,
          d.cell,    d.weights,
          d.weights, d.bias,
          d.layer,   d.iter,
          d.cell,    forward};
#else
  return {{dnnl::prop_kind::backward,
           direction,
           d.layer,
           d.iter,
           d.cell,
           d.weights,
           d.weights,
           d.bias,
           d.layer,
           d.iter,
           d.cell,
           d.layer,
           d.iter,
           d.cell,
           d.weights,
           d.weights,
           d.bias,
           d.layer,
           d.iter,
           d.cell},
          engine,
          forward};
#endif
}

/// The arguments of a forward pass with weights in the order that the primitive chose.
Arguments forward_arguments(Library& library, const Head& d,
                            const dnnl::lstm_forward::primitive_desc& p, memory* workspace) {
  Arguments out{
      {DNNL_ARG_SRC_LAYER, library.make(d.layer)},
      {DNNL_ARG_SRC_ITER, library.make(d.iter)},
      {DNNL_ARG_SRC_ITER_C, library.make(d.cell)},
      {DNNL_ARG_WEIGHTS_LAYER, library.make_weights(d.plain_weights, p.weights_layer_desc())},
      {DNNL_ARG_WEIGHTS_ITER, library.make_weights(d.plain_weights, p.weights_iter_desc())},
      {DNNL_ARG_BIAS, library.make(d.bias)},
      {DNNL_ARG_DST_LAYER, library.make(d.layer)},
      {DNNL_ARG_DST_ITER, library.make(d.iter)},
      {DNNL_ARG_DST_ITER_C, library.make(d.cell)}};
  if (workspace != nullptr) {
    *workspace = memory(p.workspace_desc(), library.engine);
    out.insert({DNNL_ARG_WORKSPACE, *workspace});
  }
  return out;
}

/// C [rows, columns] = A [rows, inner] · B [inner, columns].
Step matrix_product(Library& library, memory::data_type type, Index rows, Index inner,
                    Index columns, bool transpose_a, bool transpose_b) {
  const memory::desc a({rows, inner}, type, transpose_a ? Tag::ba : Tag::ab);
  const memory::desc b({inner, columns}, type, transpose_b ? Tag::ba : Tag::ab);
  const memory::desc c({rows, columns}, type, Tag::ab);
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::matmul::primitive_desc p(library.engine, a, b, c);
#else
  const dnnl::matmul::primitive_desc p({a, b, c}, library.engine);
#endif
  return {dnnl::matmul(p),
          {{DNNL_ARG_SRC, library.make(a)},
           {DNNL_ARG_WEIGHTS, library.make(b)},
           {DNNL_ARG_DST, library.make(c)}}};
}

std::optional<Peer> make_one_dnn(const Shape& s, DataType type) {
  const auto element =
      type == DataType::bfloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  if (type != DataType::float32 && type != DataType::bfloat16) return std::nullopt;
  auto library = std::make_shared<Library>();
  auto forward = std::make_shared<std::vector<Step>>(),
       training = std::make_shared<std::vector<Step>>(),
       backward = std::make_shared<std::vector<Step>>(),
       projection = std::make_shared<std::vector<Step>>(),
       projection_backward = std::make_shared<std::vector<Step>>();
  const Head d(s, element, true);
  const Index rows = s.steps * s.batch, dim = s.head_dim;
  for (Index head = 0; head < s.heads; ++head) {
    const auto inference = describe_forward(library->engine, d, dnnl::prop_kind::forward_inference);
    forward->push_back(
        {dnnl::lstm_forward(inference), forward_arguments(*library, d, inference, nullptr)});
    projection->push_back(matrix_product(*library, element, rows, dim, 4 * dim, false, false));
    if (type != DataType::float32) continue;

    const auto saving = describe_forward(library->engine, d, dnnl::prop_kind::forward_training);
    memory workspace;
    const Arguments kept = forward_arguments(*library, d, saving, &workspace);
    training->push_back({dnnl::lstm_forward(saving), kept});
    const auto p = describe_backward(library->engine, d, saving);
    Arguments arguments{
        {DNNL_ARG_SRC_LAYER, kept.at(DNNL_ARG_SRC_LAYER)},
        {DNNL_ARG_SRC_ITER, kept.at(DNNL_ARG_SRC_ITER)},
        {DNNL_ARG_SRC_ITER_C, kept.at(DNNL_ARG_SRC_ITER_C)},
        {DNNL_ARG_WEIGHTS_LAYER, library->make_weights(d.plain_weights, p.weights_layer_desc())},
        {DNNL_ARG_WEIGHTS_ITER, library->make_weights(d.plain_weights, p.weights_iter_desc())},
        {DNNL_ARG_BIAS, kept.at(DNNL_ARG_BIAS)},
        {DNNL_ARG_DST_LAYER, kept.at(DNNL_ARG_DST_LAYER)},
        {DNNL_ARG_DST_ITER, kept.at(DNNL_ARG_DST_ITER)},
        {DNNL_ARG_DST_ITER_C, kept.at(DNNL_ARG_DST_ITER_C)},
        {DNNL_ARG_WORKSPACE, workspace},
        {DNNL_ARG_DIFF_SRC_LAYER, library->make(d.layer)},
        {DNNL_ARG_DIFF_SRC_ITER, library->make(d.iter)},
        {DNNL_ARG_DIFF_SRC_ITER_C, library->make(d.cell)},
        {DNNL_ARG_DIFF_WEIGHTS_LAYER, library->make(p.diff_weights_layer_desc(), 0.0f)},
        {DNNL_ARG_DIFF_WEIGHTS_ITER, library->make(p.diff_weights_iter_desc(), 0.0f)},
        {DNNL_ARG_DIFF_BIAS, library->make(d.bias, 0.0f)},
        {DNNL_ARG_DIFF_DST_LAYER, library->make(d.layer)},
        {DNNL_ARG_DIFF_DST_ITER, library->make(d.iter)},
        {DNNL_ARG_DIFF_DST_ITER_C, library->make(d.cell)}};
    backward->push_back({dnnl::lstm_backward(p), std::move(arguments)});
    // The gradients of the input and of its weights.
    projection_backward->push_back(
        matrix_product(*library, element, rows, 4 * dim, dim, false, true));
    projection_backward->push_back(
        matrix_product(*library, element, dim, rows, 4 * dim, true, false));
  }
  const auto run = [library](const std::shared_ptr<std::vector<Step>>& steps) -> Run {
    if (steps->empty()) return {};
    return [library, steps] { library->run(*steps); };
  };
  Peer peer;
  peer.name = "oneDNN " + std::to_string(DNNL_VERSION_MAJOR) + "." +
              std::to_string(DNNL_VERSION_MINOR) + "." + std::to_string(DNNL_VERSION_PATCH);
  peer.forward = run(forward);
  peer.training = run(training);
  peer.backward = run(backward);
  peer.projection = run(projection);
  peer.projection_backward = run(projection_backward);
  return peer;
}

}  // namespace

// Which types a processor has primitives for, the library says by an exception.
std::optional<Peer> one_dnn(const Shape& s, DataType type) {
  try {
    return make_one_dnn(s, type);
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

}  // namespace flashrnn::bench

#else

namespace flashrnn::bench {
std::optional<Peer> one_dnn(const Shape&, DataType) {
  return std::nullopt;
}
}  // namespace flashrnn::bench

#endif
