// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/safetensors.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "file_fixture.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

class SafetensorsTest : public FolderTest {};

SafetensorsFile write_and_parse(const SafetensorsWriter& writer) {
  return SafetensorsFile::parse(writer.serialize(), "test");
}

struct RoundTrip {
  ElementType type;
  std::vector<double> values;  // each exact in the type
};

class EveryType : public ::testing::TestWithParam<RoundTrip> {};

TEST_P(EveryType, survives_a_round_trip) {
  const auto& [type, values] = GetParam();
  SafetensorsWriter writer;
  const TensorShape shape{static_cast<std::int64_t>(values.size()), 1};
  writer.add<double>("w", type, shape, values);
  const SafetensorsFile file = write_and_parse(writer);
  const TensorView& tensor = file.at("w");
  EXPECT_EQ(tensor.type, type);
  EXPECT_EQ(tensor.shape, shape);
  EXPECT_EQ(tensor.size(), values.size());
  EXPECT_EQ(tensor.data.size(), values.size() * element_size(type));
  EXPECT_EQ(to_vector<double>(tensor), values);
  const std::vector<float> floats = to_vector<float>(tensor);
  ASSERT_EQ(floats.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(floats[i], static_cast<float>(values[i]));
  EXPECT_EQ(element_type_from_name(element_type_name(type)), type);
}

INSTANTIATE_TEST_SUITE_P(
    safetensors, EveryType,
    ::testing::Values(RoundTrip{ElementType::F64,
                                {0, -1.5, 1e308, std::numeric_limits<double>::denorm_min()}},
                      RoundTrip{ElementType::F32, {0.1F, -infinity, std::ldexp(1.0, -149)}},
                      RoundTrip{ElementType::F16, {0.5, -65504, infinity, std::ldexp(1.0, -24)}},
                      RoundTrip{ElementType::BF16, {-2, 3.140625, std::ldexp(1.0, -133), infinity}},
                      RoundTrip{ElementType::I64, {-std::ldexp(1.0, 63), 9007199254740992.0, -1}},
                      RoundTrip{ElementType::I32, {-2147483648.0, 2147483647.0}},
                      RoundTrip{ElementType::I16, {-32768, 32767}},
                      RoundTrip{ElementType::I8, {-128, 127}}, RoundTrip{ElementType::U8, {0, 255}},
                      RoundTrip{ElementType::Bool, {0, 1}}),
    [](const auto& parameter) { return std::string(element_type_name(parameter.param.type)); });

TEST(safetensors, integer_types_refuse_what_they_cannot_hold) {
  const auto attempt = [](ElementType type, double value) {
    return message_of<InvalidArgument>([&] { (void)encode<double>(std::span(&value, 1), type); });
  };
  EXPECT_NE(attempt(ElementType::U8, -1).find("-1"), std::string::npos);
  EXPECT_NE(attempt(ElementType::I8, 128).find("128"), std::string::npos);
  EXPECT_NE(attempt(ElementType::I32, 0.5).find("0.5"), std::string::npos);
  EXPECT_NE(attempt(ElementType::I64, std::ldexp(1.0, 63)).find("cannot hold"), std::string::npos);
  EXPECT_NE(attempt(ElementType::Bool, std::nan("")).find("nan"), std::string::npos);
}

TEST(safetensors, double_to_half_is_rounded_once) {
  // By way of float this would be rounded twice, first onto the tie and then to even, 1.
  const double value = 1 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40);
  const std::vector<std::byte> bytes = encode<double>(std::span(&value, 1), ElementType::F16);
  const TensorView view{"w", ElementType::F16, {1}, bytes};
  EXPECT_EQ(to_vector<double>(view)[0], 1 + std::ldexp(1.0, -10));
}

TEST(safetensors, bytes_depend_on_the_content_alone) {
  const std::vector<float> values{1, 2, 3};
  const auto build = [&](bool reversed) {
    SafetensorsWriter writer;
    std::vector<std::string> names{"c", "a", "b"};
    if (reversed) std::reverse(names.begin(), names.end());
    for (const std::string& name : names) {
      writer.add<float>(name, name == "a" ? ElementType::U8 : ElementType::F64, {3}, values);
    }
    writer.set_metadata("k", reversed ? "v" : "other");
    writer.set_metadata("k", "v");
    return writer.serialize();
  };
  EXPECT_EQ(build(false), build(true));
}

TEST(safetensors, written_tensors_are_aligned_and_the_header_padded) {
  SafetensorsWriter writer;
  const std::vector<float> values{1, 2, 3};
  writer.add<float>("a", ElementType::U8, {3}, values);
  writer.add<float>("b", ElementType::F64, {3}, values);
  writer.add<float>("c", ElementType::F16, {1, 3}, values);
  const std::vector<std::byte> bytes = writer.serialize();
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  EXPECT_EQ(header_bytes % 8, 0U);
  const SafetensorsFile file = SafetensorsFile::parse(bytes, "test");
  for (const TensorView& tensor : file.tensors()) {
    const auto offset = tensor.data.data() - file.at("b").data.data();
    EXPECT_EQ(offset % static_cast<std::ptrdiff_t>(element_size(tensor.type)), 0) << tensor.name;
  }
}

TEST(safetensors, scalars_empty_tensors_and_empty_files) {
  SafetensorsWriter writer;
  EXPECT_TRUE(write_and_parse(writer).tensors().empty());
  const std::vector<double> one{7};
  writer.add<double>("scalar", ElementType::F32, {}, one);
  writer.add<double>("empty", ElementType::F64, {4, 0, 2}, {});
  writer.add<double>("", ElementType::F64, {1}, one);  // a name may be empty
  const SafetensorsFile file = write_and_parse(writer);
  EXPECT_EQ(to_vector<double>(file.at("scalar")), one);
  EXPECT_EQ(file.at("empty").size(), 0U);
  EXPECT_TRUE(to_vector<float>(file.at("empty")).empty());
  EXPECT_FALSE(first_non_finite(file.at("empty")).has_value());
  EXPECT_EQ(to_vector<double>(file.at("")), one);
}

TEST(safetensors, misaligned_data_is_read) {
  const std::string json = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                           R"("b":{"dtype":"F64","shape":[2],"data_offsets":[1,17]}})";
  std::vector<std::byte> bytes(8 + json.size() + 17);
  const std::uint64_t length = json.size();
  const std::vector<double> values{1.25, -3};
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, json.data(), json.size());
  std::memcpy(bytes.data() + 8 + json.size() + 1, values.data(), 16);
  EXPECT_EQ(to_vector<double>(SafetensorsFile::parse(bytes, "test").at("b")), values);
}

TEST(safetensors, views_live_as_long_as_a_copy_of_the_file) {
  SafetensorsWriter writer;
  const std::vector<double> values{1, 2};
  writer.add<double>("w", ElementType::F64, {2}, values);
  auto first = std::make_unique<SafetensorsFile>(write_and_parse(writer));
  const TensorView view = first->at("w");
  const SafetensorsFile copy = *first;
  first.reset();
  EXPECT_EQ(to_vector<double>(view), values);
}

TEST(safetensors, names_and_metadata_of_any_text) {
  SafetensorsWriter writer;
  const std::string odd = "a\"\\\n\x01\xc3\xbc" + std::string(1, '\0') + "z";
  const std::vector<double> one{1};
  writer.add<double>(odd, ElementType::F64, {1}, one);
  writer.set_metadata(odd, odd);
  const SafetensorsFile file = write_and_parse(writer);
  EXPECT_NE(file.find(odd), nullptr);
  EXPECT_EQ(file.metadata().at(odd), odd);
  writer.add<double>("\xff", ElementType::F64, {1}, one);
  const std::string message = message_of<InvalidArgument>([&] { (void)writer.serialize(); });
  EXPECT_NE(message.find("UTF-8"), std::string::npos);
}

TEST(safetensors, first_non_finite_names_the_index) {
  std::vector<double> values(24, 1.0);
  const auto find = [&](ElementType type) {
    const std::vector<std::byte> bytes = encode<double>(values, type);
    return first_non_finite(TensorView{"w", type, {2, 3, 4}, bytes});
  };
  EXPECT_FALSE(find(ElementType::F32).has_value());
  values[17] = std::nan("");
  values[23] = infinity;
  for (const ElementType type :
       {ElementType::F64, ElementType::F32, ElementType::F16, ElementType::BF16}) {
    const auto found = find(type);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->offset, 17U);
    EXPECT_EQ(found->index, (TensorShape{1, 1, 1}));
    EXPECT_TRUE(std::isnan(found->value));
  }
}

TEST(safetensors, require_finite_names_file_tensor_and_index) {
  SafetensorsWriter writer;
  const std::vector<double> values{1, 2, -infinity, 4};
  writer.add<double>("rnn.weight", ElementType::F32, {2, 2}, values);
  const SafetensorsFile file = write_and_parse(writer);
  EXPECT_EQ(message_of<InvalidArgument>([&] { file.require_finite(file.at("rnn.weight")); }),
            "test: tensor 'rnn.weight': element [1, 0] is -infinity, not a finite number");
}

TEST(safetensors, missing_tensors_and_wrong_shapes_are_named) {
  SafetensorsWriter writer;
  const std::vector<double> values(6, 0.0);
  writer.add<double>("x", ElementType::F32, {2, 3}, values);
  const SafetensorsFile file = write_and_parse(writer);
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)file.at("y"); }),
            "test: tensor 'y' is missing; the file has 'x'");
  const TensorShape wanted{-1, 4};
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)file.at("x", wanted); }),
            "test: tensor 'x': expected shape [-1, 4], found [2, 3]");
  const TensorShape any{-1, 3};
  EXPECT_EQ(&file.at("x", any), file.find("x"));
}

TEST_F(SafetensorsTest, golden_files_are_read) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(FLASHRNN_GOLDEN_DATA)) {
    if (entry.path().extension() != ".safetensors") continue;
    ++files;
    const SafetensorsFile file = SafetensorsFile::read(entry.path());
    EXPECT_FALSE(file.tensors().empty());
    SafetensorsWriter writer;
    for (const auto& [key, value] : file.metadata()) writer.set_metadata(key, value);
    for (const TensorView& tensor : file.tensors()) {
      EXPECT_FALSE(first_non_finite(tensor).has_value()) << tensor.name;
      writer.add(tensor.name, tensor.type, tensor.shape, tensor.data);
    }
    writer.write(path("copy"));
    const SafetensorsFile copy = SafetensorsFile::read(path("copy"));
    EXPECT_EQ(copy.metadata(), file.metadata());
    ASSERT_EQ(copy.tensors().size(), file.tensors().size());
    for (const TensorView& tensor : file.tensors()) {
      EXPECT_TRUE(std::ranges::equal(copy.at(tensor.name, tensor.shape).data, tensor.data));
    }
  }
  EXPECT_GE(files, 16U);
}

TEST_F(SafetensorsTest, golden_values) {
  const std::filesystem::path folder(FLASHRNN_GOLDEN_DATA);
  const auto lstm = SafetensorsFile::read(folder / "cell_lstm_small.safetensors");
  EXPECT_EQ(lstm.metadata().at("gates"), "i,f,z,o");
  EXPECT_EQ(lstm.at("states").shape, (TensorShape{2, 7, 3, 2, 5}));
  // The first sunspot number, 5, normalised with the model's mean and deviation.
  const auto model = SafetensorsFile::read(folder / "sunspots_lstm_model.safetensors");
  const auto expected = SafetensorsFile::read(folder / "sunspots_lstm_expected.safetensors");
  const double mean = std::stod(model.metadata().at("mean"));
  const double deviation = std::stod(model.metadata().at("std"));
  const double first = to_vector<double>(expected.at("input")).front();
  // The input was stored after a round through float.
  EXPECT_NEAR(first, (5 - mean) / deviation,
              std::numeric_limits<float>::epsilon() * std::fabs(first));
}

}  // namespace
}  // namespace flashrnn::test
