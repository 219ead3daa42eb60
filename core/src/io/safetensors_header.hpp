// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "flashrnn/safetensors.hpp"

namespace flashrnn::io {

/// Where a tensor stands, in bytes from the start of the data.
struct HeaderEntry {
  ElementType type = ElementType::F32;
  TensorShape shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// A header that has been checked against the size of the data: every entry has the size of its
/// shape and type, and together they cover the data without gap or overlap.
struct Header {
  std::map<std::string, std::string> metadata;
  std::map<std::string, HeaderEntry> tensors;
};

/// The header's length as the file's first 8 bytes give it, checked against the file's size and the
/// limit. Throws InvalidArgument beginning with `label`.
[[nodiscard]] std::uint64_t header_length(std::span<const std::byte> first_bytes,
                                          std::uint64_t file_size, const std::string& label);

/// Parses and checks a header. Throws InvalidArgument beginning with `label`.
[[nodiscard]] Header parse_header(std::string_view json, std::uint64_t data_size,
                                  const std::string& label);

}  // namespace flashrnn::io
