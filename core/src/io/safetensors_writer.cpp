// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "file.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/safetensors.hpp"

namespace flashrnn {

void SafetensorsWriter::add(std::string name, ElementType type, TensorShape shape,
                            std::span<const std::byte> data) {
  const std::string where = "tensor " + io::quote_name(name) + ": ";
  if (name == "__metadata__") throw InvalidArgument(where + "the name is reserved by the format");
  if (tensors_.contains(name)) throw InvalidArgument(where + "written twice");
  std::uint64_t bytes = 0;
  try {
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(element_count(shape)), element_size(type),
                               &bytes)) {
      throw InvalidArgument("shape " + shape_text(shape) + " has more than 2^64 bytes");
    }
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(where + error.what());
  }
  if (bytes != data.size()) {
    throw InvalidArgument(where + "shape " + shape_text(shape) + " of " +
                          std::string(element_type_name(type)) + " needs " + std::to_string(bytes) +
                          " bytes, found " + std::to_string(data.size()));
  }
  tensors_.emplace(std::move(name),
                   Tensor{type, std::move(shape), std::vector(data.begin(), data.end())});
}

void SafetensorsWriter::set_metadata(std::string key, std::string value) {
  metadata_[std::move(key)] = std::move(value);
}

std::vector<std::byte> SafetensorsWriter::serialize() const {
  using Item = std::pair<const std::string, Tensor>;
  std::vector<const Item*> order;
  for (const Item& item : tensors_) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](const Item* a, const Item* b) {
    return element_size(a->second.type) > element_size(b->second.type);
  });
  std::map<std::string_view, std::size_t> begins;
  std::size_t data_bytes = 0;
  for (const Item* item : order) {
    begins[item->first] = data_bytes;
    data_bytes += item->second.data.size();
  }

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  for (const auto& [name, tensor] : tensors_) {
    const std::size_t begin = begins[name];
    header[name] = {{"dtype", element_type_name(tensor.type)},
                    {"shape", tensor.shape},
                    {"data_offsets", {begin, begin + tensor.data.size()}}};
  }
  std::string json;
  try {
    json = header.dump();
  } catch (const nlohmann::json::type_error&) {
    throw InvalidArgument("a tensor's name or an entry of the metadata is not valid UTF-8");
  }
  json.resize((json.size() + 7) / 8 * 8, ' ');
  if (json.size() > SafetensorsFile::max_header_bytes) {
    throw InvalidArgument("the header would have " + std::to_string(json.size()) +
                          " bytes, more than readers accept");
  }

  const std::uint64_t header_bytes = json.size();
  std::vector<std::byte> bytes(sizeof header_bytes + json.size() + data_bytes);
  std::byte* position = bytes.data();
  std::memcpy(position, &header_bytes, sizeof header_bytes);
  position += sizeof header_bytes;
  std::memcpy(position, json.data(), json.size());
  position += json.size();
  for (const Item* item : order) position = std::ranges::copy(item->second.data, position).out;
  return bytes;
}

void SafetensorsWriter::write(const std::filesystem::path& path) const {
  io::replace_file(path, serialize());
}

}  // namespace flashrnn
