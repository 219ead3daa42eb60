// SPDX-License-Identifier: Apache-2.0
// Whatever is wrong with a file of weights gets one message with the file, the tensor and shapes.
#include <limits>

#include "state_dict_fixture.hpp"

namespace flashrnn::test {
namespace {

void expect_unreadable(const Tensors& tensors, std::vector<std::string> parts,
                       const ModelOptions& options = {}) {
  parts.emplace_back("model.safetensors");
  expect_invalid([&] { (void)read_model(file_of(tensors), options); }, parts);
}

Tensors two_layers() {
  Tensors tensors;
  for (const char* direction : {"", "_reverse"}) {
    add_recurrence(tensors, "rnn.", 4, 2, 3, std::string("_l0") + direction);
    add_recurrence(tensors, "rnn.", 4, 6, 3, std::string("_l1") + direction);
  }
  add_head(tensors, "head", 2, 6);
  return tensors;
}

TEST(ReadModelErrors, every_tensor_that_is_missing) {
  ASSERT_NO_THROW((void)read_model(file_of(two_layers())));
  for (const auto& [name, tensor] : two_layers()) {
    if (name == "head.bias") continue;  // may be absent
    SCOPED_TRACE(name);
    Tensors tensors = two_layers();
    tensors.erase(name);
    const std::string found = name.substr(name.find('.') + 1);
    expect_unreadable(tensors, {found, "missing"});
  }
}

TEST(ReadModelErrors, every_tensor_that_is_misnamed) {
  for (const auto& [name, tensor] : two_layers()) {
    SCOPED_TRACE(name);
    Tensors tensors = two_layers();
    auto node = tensors.extract(name);
    node.key() = name + "x";
    tensors.insert(std::move(node));
    expect_unreadable(tensors, {name.substr(name.find('.') + 1)});
  }
}

TEST(ReadModelErrors, every_tensor_that_is_wrongly_shaped) {
  for (const auto& [name, tensor] : two_layers()) {
    SCOPED_TRACE(name);
    for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) {
      // The first layer's input size and the head's rows are whatever the file says.
      if ((name == "rnn.weight_ih_l0" && axis == 1) || (name == "head.weight" && axis == 0))
        continue;
      Tensors tensors = two_layers();
      TensorShape wrong = tensor.shape;
      ++wrong[axis];
      tensors[name] = counted(wrong);
      // weight_hh_l0 tells the number of units; wrong rows there make no whole number of gates.
      expect_unreadable(tensors, {name, shape_text(wrong), "expected"});
    }
    Tensors tensors = two_layers();
    TensorShape deeper = tensor.shape;
    deeper.push_back(1);
    tensors[name] = counted(deeper);
    expect_unreadable(tensors, {name, shape_text(deeper), "expected"});
  }
}

TEST(ReadModelErrors, sizes_that_disagree_name_both) {
  Tensors tensors = two_layers();
  tensors["rnn.weight_ih_l0"] = counted({12, 5});  // the other direction has 2
  expect_unreadable(tensors, {"rnn.weight_ih_l0_reverse", "[12, 5]", "[12, 2]"});
  tensors = two_layers();
  tensors["head.weight"] = counted({3, 6});
  expect_unreadable(tensors, {"head.bias", "[3]", "[2]"});
}

TEST(ReadModelErrors, every_tensor_that_is_not_finite) {
  for (const auto& [name, tensor] : two_layers()) {
    for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      SCOPED_TRACE(name);
      Tensors tensors = two_layers();
      tensors[name].values.back() = value;
      expect_unreadable(tensors, {name, "finite"});
    }
  }
}

TEST(ReadModelErrors, types_that_hold_no_weights) {
  expect_invalid([] { (void)read_model(file_of(lstm_tensors(), ElementType::I32)); },
                 {"weight_ih_l0", "F64, F32, F16 or BF16", "I32"});
}

TEST(ReadModelErrors, empty_tensors) {
  Tensors tensors = lstm_tensors();
  tensors["weight_ih_l0"] = counted({12, 0});
  expect_unreadable(tensors, {"weight_ih_l0", "[12, 0]", "[gates · hidden, input]"});
  tensors = lstm_tensors();
  tensors["weight_hh_l0"] = counted({0, 0});
  expect_unreadable(tensors, {"weight_hh_l0", "[0, 0]", "[gates · hidden, hidden]"});
  tensors = lstm_tensors();
  add_head(tensors, "head", 0, 3);
  expect_unreadable(tensors, {"head.weight", "[0, 3]"});
}

TEST(ReadModelErrors, gates_of_no_known_cell) {
  Tensors tensors;
  add_recurrence(tensors, "", 5, 2, 3, "_l0");
  expect_unreadable(tensors, {"weight_hh_l0", "[15, 3]", "4 gates (LSTM), 3 (GRU) or 1 (RNN)"});
}

TEST(ReadModelErrors, cell_that_is_not_the_file_s) {
  ModelOptions options;
  options.cell = "gru";
  expect_unreadable(lstm_tensors(), {"weight_hh_l0", "[12, 3]", "[3 · hidden, hidden]", "gru"},
                    options);
  options.cell = "perceptron";
  expect_invalid([&] { (void)read_model(file_of(lstm_tensors()), options); },
                 {"cell", "'perceptron'"});
}

TEST(ReadModelErrors, no_recurrent_module) {
  Tensors tensors;
  add_head(tensors, "fc", 2, 3);
  expect_unreadable(tensors, {"weight_ih_l0", "missing", "fc.bias", "fc.weight"});
  expect_unreadable({}, {"weight_ih_l0", "no tensors"});
}

TEST(ReadModelErrors, prefix_that_is_not_there) {
  ModelOptions options;
  options.prefix = "lstm.";
  expect_unreadable(two_layers(), {"lstm.weight_ih_l0", "missing", "'rnn.'"}, options);
}

TEST(ReadModelErrors, several_recurrent_modules) {
  Tensors tensors = lstm_tensors("encoder.");
  add_recurrence(tensors, "decoder.", 4, 2, 3, "_l0");
  expect_unreadable(tensors, {"several", "'decoder.'", "'encoder.'"});
}

TEST(ReadModelErrors, several_heads) {
  Tensors tensors = two_layers();
  add_head(tensors, "other", 2, 6);
  expect_unreadable(tensors, {"one linear head", "'head'", "'other'"});
}

TEST(ReadModelErrors, head_that_is_not_there) {
  ModelOptions options;
  options.head = "fc";
  expect_unreadable(two_layers(), {"fc.weight", "missing"}, options);
}

TEST(ReadModelErrors, what_the_library_has_not) {
  Tensors tensors = lstm_tensors();
  tensors["weight_hr_l0"] = counted({2, 3});
  expect_unreadable(tensors, {"weight_hr_l0", "proj_size"});
  tensors = lstm_tensors();
  add_recurrence(tensors, "", 4, 3, 3, "_l2");  // there is no layer 1
  expect_unreadable(tensors, {"_l2", "without a gap"});
  tensors = lstm_tensors();
  tensors["norm.weight_g"] = counted({3});
  expect_unreadable(tensors, {"norm.weight_g", "not known"});
  tensors = lstm_tensors();
  tensors["weight"] = counted({2, 3});
  expect_unreadable(tensors, {"'weight'", "not known"});
}

TEST(ReadModelErrors, files_that_are_none) {
  EXPECT_THROW((void)read_model(std::filesystem::path("there/is/no/such.safetensors")),
               EnvironmentError);
}

}  // namespace
}  // namespace flashrnn::test
