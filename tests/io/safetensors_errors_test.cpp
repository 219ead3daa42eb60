// SPDX-License-Identifier: Apache-2.0
// Every way in which a file can be wrong, and the message that it gives.
#include <cstring>

#include "file_fixture.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/safetensors.hpp"

namespace flashrnn::test {
namespace {

std::vector<std::byte> file_bytes(const std::string& json, std::size_t data_bytes,
                                  std::uint64_t length) {
  std::vector<std::byte> bytes(8 + json.size() + data_bytes);
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, json.data(), json.size());
  return bytes;
}

std::string error_of(const std::vector<std::byte>& bytes) {
  return message_of<InvalidArgument>([&] { (void)SafetensorsFile::parse(bytes, "bad.st"); });
}

std::string entry(const std::string& name, const std::string& type, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

struct BadHeader {
  std::string what;
  std::string json;
  std::size_t data_bytes;
  std::string message;  // the whole message, or its start if it ends in "..."
};

class BadHeaders : public ::testing::TestWithParam<BadHeader> {};

TEST_P(BadHeaders, give_one_clear_message) {
  const BadHeader& bad = GetParam();
  const std::string found = error_of(file_bytes(bad.json, bad.data_bytes, bad.json.size()));
  if (bad.message.ends_with("...")) {
    const std::string start = bad.message.substr(0, bad.message.size() - 3);
    EXPECT_TRUE(found.starts_with(start)) << found;
  } else {
    EXPECT_EQ(found, bad.message);
  }
}

const std::string four_bytes = entry("w", "F32", "[1]", "[0,4]");

INSTANTIATE_TEST_SUITE_P(
    safetensors, BadHeaders,
    ::testing::Values(
        BadHeader{"no_json", "hello", 0, "bad.st: the header does not begin with '{'"},
        BadHeader{"no_header", "", 0, "bad.st: the header does not begin with '{'"},
        BadHeader{"cut_json", R"({"w":)", 0,
                  "bad.st: the header is not valid JSON at its byte 6: ..."},
        BadHeader{"text_after_json", "{}x", 0,
                  "bad.st: the header is not valid JSON at its byte 3: ..."},
        BadHeader{"bad_utf8", "{\"\xff\":{}}", 0,
                  "bad.st: the header is not valid JSON at its byte 3: ..."},
        BadHeader{"lone_surrogate", R"({"\ud800":{}})", 0,
                  "bad.st: the header is not valid JSON at its byte 9: ..."},
        BadHeader{"huge_number", R"({"w":1e999})", 0,
                  "bad.st: the header is not valid JSON at its byte 10: ..."},
        BadHeader{"nested", R"({"w":)" + std::string(100000, '['), 0,
                  "bad.st: tensor 'w': found an array where an object is expected"},
        BadHeader{
            "nested_shape", R"({"w":{"shape":[[)", 0,
            "bad.st: tensor 'w': 'shape' holds an array where a non-negative integer is expected"},
        BadHeader{"entry_is_number", R"({"w":3})", 0,
                  "bad.st: tensor 'w': found the number 3 where an object is expected"},
        BadHeader{"entry_is_null", R"({"w":null})", 0,
                  "bad.st: tensor 'w': found null where an object is expected"},
        BadHeader{"entry_is_string", R"({"w":"v"})", 0,
                  "bad.st: tensor 'w': found the string 'v' where an object is expected"},
        BadHeader{"duplicate_name", "{" + four_bytes + "," + four_bytes + "}", 4,
                  "bad.st: tensor 'w': the name stands twice in the header"},
        BadHeader{"duplicate_metadata", R"({"__metadata__":{},"__metadata__":{}})", 0,
                  "bad.st: __metadata__: the name stands twice in the header"},
        BadHeader{"duplicate_key", R"({"__metadata__":{"a":"1","a":"2"}})", 0,
                  "bad.st: __metadata__: the key 'a' stands twice"},
        BadHeader{
            "metadata_number", R"({"__metadata__":{"a":1.5}})", 0,
            "bad.st: __metadata__: the value of 'a' is the number 1.5 where a string is expected"},
        BadHeader{"metadata_list", R"({"__metadata__":[]})", 0,
                  "bad.st: __metadata__: found an array where an object is expected"},
        BadHeader{"missing_field", R"({"w":{"dtype":"F32","shape":[1]}})", 4,
                  "bad.st: tensor 'w': 'data_offsets' is missing"},
        BadHeader{"unknown_field", R"({"w":{"strides":[1]}})", 4,
                  "bad.st: tensor 'w': unknown field 'strides'; a tensor has dtype, shape and "
                  "data_offsets"},
        BadHeader{"duplicate_field", R"({"w":{"shape":[1],"shape":[1]}})", 4,
                  "bad.st: tensor 'w': 'shape' stands twice"},
        BadHeader{
            "unknown_dtype", "{" + entry("w", "F8_E4M3", "[4]", "[0,4]") + "}", 4,
            "bad.st: tensor 'w': dtype 'F8_E4M3' is not supported; supported are F64, F32, F16, "
            "BF16, I64, I32, I16, I8, U8 and BOOL"},
        BadHeader{"dtype_number", R"({"w":{"dtype":32}})", 4,
                  "bad.st: tensor 'w': 'dtype' is the number 32 where a string is expected"},
        BadHeader{"shape_string", R"({"w":{"shape":"1"}})", 4,
                  "bad.st: tensor 'w': 'shape' is the string '1' where an array of non-negative "
                  "integers is expected"},
        BadHeader{"negative_shape", "{" + entry("w", "F32", "[-1]", "[0,4]") + "}", 4,
                  "bad.st: tensor 'w': 'shape' holds the negative number -1 where a non-negative "
                  "integer is expected"},
        BadHeader{"fractional_shape", "{" + entry("w", "F32", "[1.0]", "[0,4]") + "}", 4,
                  "bad.st: tensor 'w': 'shape' holds the number 1.0 where a non-negative integer "
                  "is expected"},
        BadHeader{
            "length_above_63_bits", "{" + entry("w", "F32", "[9223372036854775808]", "[0,4]") + "}",
            4, "bad.st: tensor 'w': the number 9223372036854775808 in 'shape' is above 2^63 - 1"},
        BadHeader{"length_above_64_bits",
                  "{" + entry("w", "F32", "[18446744073709551617]", "[0,4]") + "}", 4,
                  "bad.st: tensor 'w': 'shape' holds the number 18446744073709551617 where a "
                  "non-negative integer is expected"},
        BadHeader{"overflowing_count",
                  "{" + entry("w", "F32", "[4294967296,4294967296,4294967297]", "[0,4]") + "}", 4,
                  "bad.st: tensor 'w': shape [4294967296, 4294967296, 4294967297] has more than "
                  "2^63 elements"},
        BadHeader{
            "overflowing_count_beside_zero",
            "{" + entry("w", "F32", "[0,4294967296,4294967296]", "[0,0]") + "}", 0,
            "bad.st: tensor 'w': shape [0, 4294967296, 4294967296] has more than 2^63 elements"},
        BadHeader{"overflowing_bytes",
                  "{" + entry("w", "F64", "[4611686018427387904]", "[0,0]") + "}", 0,
                  "bad.st: tensor 'w': shape [4611686018427387904] has more than 2^64 bytes"},
        BadHeader{
            "one_offset", "{" + entry("w", "F32", "[1]", "[4]") + "}", 4,
            "bad.st: tensor 'w': data_offsets has 1 numbers where begin and end are expected"},
        BadHeader{"reversed_offsets", "{" + entry("w", "F32", "[1]", "[4,0]") + "}", 4,
                  "bad.st: tensor 'w': data_offsets [4, 0] are reversed"},
        BadHeader{
            "truncated_data", "{" + four_bytes + "}", 3,
            "bad.st: tensor 'w': data_offsets [0, 4] reach beyond the file, which has 3 bytes of "
            "data (is it cut short?)"},
        BadHeader{"wrong_size", "{" + entry("w", "F32", "[2,1]", "[0,4]") + "}", 4,
                  "bad.st: tensor 'w': data_offsets [0, 4] hold 4 bytes, but shape [2, 1] of F32 "
                  "needs 8"},
        BadHeader{
            "overlap", "{" + four_bytes + "," + entry("v", "F32", "[1]", "[2,6]") + "}", 6,
            "bad.st: tensor 'v': data_offsets [2, 6] overlap those of tensor 'w', which end at 4"},
        BadHeader{
            "same_place", "{" + four_bytes + "," + entry("v", "F32", "[1]", "[0,4]") + "}", 4,
            "bad.st: tensor 'w': data_offsets [0, 4] overlap those of tensor 'v', which end at 4"},
        BadHeader{
            "empty_inside_another",
            "{" + four_bytes + "," + entry("v", "F32", "[0]", "[2,2]") + "}", 4,
            "bad.st: tensor 'v': data_offsets [2, 2] overlap those of tensor 'w', which end at 4"},
        BadHeader{
            "hole", "{" + four_bytes + "," + entry("v", "F32", "[1]", "[5,9]") + "}", 9,
            "bad.st: tensor 'v': data_offsets [5, 9] leave a hole: the data before ends at 4"},
        BadHeader{
            "hole_at_the_start", "{" + entry("v", "F32", "[1]", "[4,8]") + "}", 8,
            "bad.st: tensor 'v': data_offsets [4, 8] leave a hole: the data before ends at 0"},
        BadHeader{"bytes_left_over", "{" + four_bytes + "}", 7,
                  "bad.st: 3 bytes at the end of the file belong to no tensor"},
        BadHeader{"control_characters", R"({"a\nb\u0000":3})", 0,
                  "bad.st: tensor 'a\\x0ab\\x00': found the number 3 where an object is expected"}),
    [](const auto& parameter) { return parameter.param.what; });

TEST(safetensors_errors, header_length) {
  EXPECT_EQ(error_of({}),
            "bad.st: 0 bytes are too few for a safetensors file, which begins with 8 "
            "bytes of header length");
  EXPECT_EQ(error_of(std::vector<std::byte>(7)).find("bad.st: 7 bytes are too few"), 0U);
  EXPECT_EQ(error_of(file_bytes("{}", 0, 3)),
            "bad.st: header length 3 reaches beyond the file, which has 10 bytes");
  EXPECT_EQ(error_of(file_bytes("{}", 0, (100ULL << 20) + 1)),
            "bad.st: header length 104857601 is above the limit of 104857600 bytes (is this a "
            "safetensors file?)");
  EXPECT_EQ(error_of(file_bytes("{}", 0, ~0ULL)).find("bad.st: header length 18446744073709551615"),
            0U);
}

TEST(safetensors_errors, every_cut_of_a_golden_file_is_refused) {
  const std::filesystem::path path =
      std::filesystem::path(FLASHRNN_GOLDEN_DATA) / "torch_RNN_1layer.safetensors";
  std::ifstream stream(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(stream), {}};
  ASSERT_GT(whole.size(), 1000U);
  const auto bytes = std::as_bytes(std::span(whole.data(), whole.size()));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW((void)SafetensorsFile::parse(bytes.first(size), "cut"), InvalidArgument) << size;
  }
}

class SafetensorsFiles : public FolderTest {};

TEST_F(SafetensorsFiles, that_cannot_be_read) {
  const std::string missing = path("none.safetensors").string();
  EXPECT_EQ(message_of<EnvironmentError>([&] { (void)SafetensorsFile::read(missing); }),
            missing + ": cannot read: No such file or directory");
  const std::string folder = path("").string();
  EXPECT_EQ(message_of<EnvironmentError>([&] { (void)SafetensorsFile::read(folder); }),
            folder + ": cannot read: Is a directory");
  EXPECT_EQ(message_of<EnvironmentError>([&] { (void)SafetensorsFile::read("/dev/zero"); }),
            "/dev/zero: not a regular file");
  put(path("short"), "abc");
  EXPECT_EQ(message_of<InvalidArgument>([&] {
              (void)SafetensorsFile::read(path("short"));
            }).find(path("short").string() + ": 3 bytes are too few"),
            0U);
}

TEST_F(SafetensorsFiles, writer_refuses_what_readers_would) {
  SafetensorsWriter writer;
  const std::vector<std::byte> data(8);
  EXPECT_EQ(message_of<InvalidArgument>([&] { writer.add("w", ElementType::F32, {3}, data); }),
            "tensor 'w': shape [3] of F32 needs 12 bytes, found 8");
  EXPECT_EQ(message_of<InvalidArgument>([&] { writer.add("w", ElementType::F32, {-2}, data); }),
            "tensor 'w': shape [-2] has a negative axis");
  EXPECT_EQ(
      message_of<InvalidArgument>([&] { writer.add("__metadata__", ElementType::U8, {8}, data); }),
      "tensor '__metadata__': the name is reserved by the format");
  writer.add("w", ElementType::F32, {2}, data);
  EXPECT_EQ(message_of<InvalidArgument>([&] { writer.add("w", ElementType::F32, {2}, data); }),
            "tensor 'w': written twice");
}

}  // namespace
}  // namespace flashrnn::test
