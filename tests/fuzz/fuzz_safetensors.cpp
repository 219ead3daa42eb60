// SPDX-License-Identifier: Apache-2.0
// Reads arbitrary bytes as a safetensors file. Only InvalidArgument may come of bad ones; a file
// that is accepted must keep the promises of the reader and survive being written and read again.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>

#include "flashrnn/error.hpp"
#include "flashrnn/safetensors.hpp"

namespace {

using flashrnn::SafetensorsFile;
using flashrnn::SafetensorsWriter;
using flashrnn::TensorView;

void require(bool condition) {
  if (!condition) std::abort();
}

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

void check_tensor(const SafetensorsFile& file, const TensorView& tensor) {
  require(file.find(tensor.name) == &tensor);
  require(static_cast<std::size_t>(flashrnn::element_count(tensor.shape)) == tensor.size());
  require(flashrnn::to_vector<float>(tensor).size() == tensor.size());
  if (const auto found = flashrnn::first_non_finite(tensor)) require(found->offset < tensor.size());
}

void check_file(const SafetensorsFile& file) {
  SafetensorsWriter writer;
  for (const auto& [key, value] : file.metadata()) writer.set_metadata(key, value);
  for (const TensorView& tensor : file.tensors()) {
    check_tensor(file, tensor);
    writer.add(tensor.name, tensor.type, tensor.shape, tensor.data);
  }
  const SafetensorsFile again = SafetensorsFile::parse(writer.serialize(), "written");
  require(again.metadata() == file.metadata());
  require(again.tensors().size() == file.tensors().size());
  for (const TensorView& tensor : file.tensors()) {
    const TensorView& copy = again.at(tensor.name, tensor.shape);
    require(copy.type == tensor.type && same_bytes(copy.data, tensor.data));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  std::optional<SafetensorsFile> accepted;
  try {
    accepted = SafetensorsFile::parse(bytes, "fuzz");
  } catch (const flashrnn::InvalidArgument&) {
    return 0;
  }
  // From here on no exception is right.
  check_file(*accepted);
  return 0;
}
