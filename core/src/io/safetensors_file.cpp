// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "file.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/safetensors.hpp"
#include "safetensors_header.hpp"

namespace flashrnn {
namespace {

std::vector<TensorView> make_views(const io::Header& header, const std::byte* data) {
  std::vector<TensorView> views;
  views.reserve(header.tensors.size());
  for (const auto& [name, entry] : header.tensors) {
    views.push_back({name,
                     entry.type,
                     entry.shape,
                     {data + entry.begin, static_cast<std::size_t>(entry.end - entry.begin)}});
  }
  return views;
}

std::shared_ptr<std::byte[]> allocate(std::uint64_t bytes, const std::string& label) {
  try {
    // Not value-initialised: every byte is read over.
    return std::make_shared_for_overwrite<std::byte[]>(static_cast<std::size_t>(bytes));
  } catch (const std::bad_alloc&) {
    throw EnvironmentError(label + ": not enough memory for its " + std::to_string(bytes) +
                           " bytes");
  }
}

bool matches(std::span<const std::int64_t> shape, std::span<const std::int64_t> expected) {
  return std::equal(
      shape.begin(), shape.end(), expected.begin(), expected.end(),
      [](std::int64_t found, std::int64_t wanted) { return wanted == -1 || found == wanted; });
}

}  // namespace

SafetensorsFile SafetensorsFile::read(const std::filesystem::path& path) {
  SafetensorsFile result;
  result.label_ = path.string();
  io::InputFile input(path);
  std::array<std::byte, 8> prefix{};
  if (input.size() >= prefix.size()) input.read(prefix);
  const std::uint64_t header_bytes = io::header_length(prefix, input.size(), result.label_);
  const std::uint64_t data_bytes = input.size() - prefix.size() - header_bytes;

  std::string json(static_cast<std::size_t>(header_bytes), '\0');
  input.read(std::as_writable_bytes(std::span<char>(json)));
  // The header is checked before the data is read: a large file that is something else costs
  // little.
  io::Header header = io::parse_header(json, data_bytes, result.label_);

  const auto storage = allocate(data_bytes, result.label_);
  input.read({storage.get(), static_cast<std::size_t>(data_bytes)});
  result.tensors_ = make_views(header, storage.get());
  result.metadata_ = std::move(header.metadata);
  result.storage_ = storage;
  return result;
}

SafetensorsFile SafetensorsFile::parse(std::span<const std::byte> bytes, std::string label) {
  SafetensorsFile result;
  result.label_ = std::move(label);
  const std::uint64_t header_bytes = io::header_length(bytes, bytes.size(), result.label_);
  const auto json = bytes.subspan(8, static_cast<std::size_t>(header_bytes));
  const auto data = bytes.subspan(8 + static_cast<std::size_t>(header_bytes));
  io::Header header = io::parse_header({reinterpret_cast<const char*>(json.data()), json.size()},
                                       data.size(), result.label_);
  const auto storage = allocate(data.size(), result.label_);
  std::copy(data.begin(), data.end(), storage.get());
  result.tensors_ = make_views(header, storage.get());
  result.metadata_ = std::move(header.metadata);
  result.storage_ = storage;
  return result;
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto found = std::lower_bound(
      tensors_.begin(), tensors_.end(), name,
      [](const TensorView& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

const TensorView& SafetensorsFile::at(std::string_view name) const {
  if (const TensorView* tensor = find(name)) return *tensor;
  constexpr std::size_t longest_list = 20;
  std::string names;
  for (std::size_t i = 0; i < tensors_.size() && i < longest_list; ++i) {
    names += (i == 0 ? "" : ", ") + io::quote_name(tensors_[i].name);
  }
  if (tensors_.size() > longest_list) names += ", ...";
  throw InvalidArgument(label_ + ": tensor " + io::quote_name(name) + " is missing; the file has " +
                        (names.empty() ? "no tensors" : names));
}

const TensorView& SafetensorsFile::at(std::string_view name,
                                      std::span<const std::int64_t> expected) const {
  const TensorView& tensor = at(name);
  if (!matches(tensor.shape, expected)) {
    throw InvalidArgument(label_ + ": tensor " + io::quote_name(name) + ": expected shape " +
                          shape_text(expected) + ", found " + shape_text(tensor.shape));
  }
  return tensor;
}

void SafetensorsFile::require_finite(const TensorView& tensor) const {
  const auto found = first_non_finite(tensor);
  if (!found) return;
  const std::string value = found->value != found->value ? "NaN"
                            : found->value > 0           ? "infinity"
                                                         : "-infinity";
  throw InvalidArgument(label_ + ": tensor " + io::quote_name(tensor.name) + ": element " +
                        shape_text(found->index) + " is " + value + ", not a finite number");
}

}  // namespace flashrnn
