// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

namespace flashrnn::io {

/// `text` for a message: in single quotes, control characters escaped, cut after 80 bytes.
[[nodiscard]] std::string quote_name(std::string_view text);

/// A regular file opened for binary reading. Throws EnvironmentError if that is not possible.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);

  /// Bytes of the file when it was opened.
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// Reads exactly `into.size()` bytes from where the last read ended; throws EnvironmentError.
  void read(std::span<std::byte> into);

 private:
  std::string label_;
  std::ifstream stream_;
  std::uint64_t size_ = 0;
};

/// The whole text of a file. Throws EnvironmentError.
[[nodiscard]] std::string read_text_file(const std::filesystem::path& path);

/// Puts `bytes` in the place of the file at `path`: writes a temporary file in the same folder,
/// flushes it to the disk and renames it, so that a reader sees the old file or the new one and a
/// failure leaves the old one. A symbolic link is followed; a device such as /dev/stdout is written
/// directly. Throws EnvironmentError, with the temporary file removed.
void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// The same for text.
void replace_file(const std::filesystem::path& path, std::string_view text);

}  // namespace flashrnn::io
