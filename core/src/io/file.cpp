// SPDX-License-Identifier: Apache-2.0
#include "file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <new>
#include <system_error>

#include "flashrnn/error.hpp"

namespace flashrnn::io {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const std::string& file, const std::string& what, int error_number) {
  throw EnvironmentError(file + ": " + what + ": " + std::generic_category().message(error_number));
}

/// A file descriptor, and the name to remove again unless the write is completed.
class OutputFile {
 public:
  OutputFile(const fs::path& path, int flags, bool remove_on_failure, const std::string& label)
      : path_(path.string()), label_(label), remove_(remove_on_failure) {
    constexpr mode_t readable_and_writable = 0666;  // the process's umask narrows it
    descriptor_ = ::open(path_.c_str(), flags, readable_and_writable);
    if (descriptor_ < 0) {
      remove_ = false;
      fail(label_, "cannot open for writing", errno);
    }
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (remove_) ::unlink(path_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(label_, "cannot write", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void flush_to_disk() {
    // File systems without fsync say EINVAL or ENOTSUP; the data is then as safe as it can be.
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) {
      fail(label_, "cannot flush to disk", errno);
    }
  }

  void take_permissions_of(const fs::path& existing) {
    struct stat status {};
    // Failing to copy them (another owner, say) is no reason to lose the result.
    if (::stat(existing.c_str(), &status) == 0 && ::fchmod(descriptor_, status.st_mode) != 0)
      return;
  }

  void close() {
    const int result = ::close(descriptor_);
    descriptor_ = -1;
    if (result != 0) fail(label_, "cannot close", errno);
  }

  void rename_to(const fs::path& target) {
    if (std::rename(path_.c_str(), target.c_str()) != 0) fail(label_, "cannot rename to", errno);
    remove_ = false;
  }

 private:
  std::string path_;
  std::string label_;
  bool remove_;
  int descriptor_ = -1;
};

/// Where a chain of symbolic links ends, so that the rename replaces the file and not the link.
fs::path follow_links(const fs::path& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  fs::path target = fs::weakly_canonical(path, error);
  return error ? path : target;
}

}  // namespace

std::string quote_name(std::string_view text) {
  constexpr std::size_t longest = 80;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "'";
  for (const char character : text.substr(0, longest)) {
    const auto code = static_cast<unsigned char>(character);
    if (code < 0x20 || code == 0x7f) {
      result += "\\x";
      result += digits[code >> 4U];
      result += digits[code & 15U];
    } else {
      result += character;
    }
  }
  if (text.size() > longest) result += "...";
  return result + "'";
}

InputFile::InputFile(const fs::path& path) : label_(path.string()) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) fail(label_, "cannot read", error ? error.value() : ENOENT);
  if (fs::is_directory(status)) fail(label_, "cannot read", EISDIR);
  if (!fs::is_regular_file(status)) throw EnvironmentError(label_ + ": not a regular file");
  errno = 0;
  stream_.open(path, std::ios::binary);
  if (!stream_) fail(label_, "cannot read", errno != 0 ? errno : EIO);
  size_ = fs::file_size(path, error);
  if (error) fail(label_, "cannot read", error.value());
}

void InputFile::read(std::span<std::byte> into) {
  errno = 0;
  stream_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
  if (static_cast<std::size_t>(stream_.gcount()) == into.size()) return;
  if (stream_.bad()) fail(label_, "cannot read", errno != 0 ? errno : EIO);
  throw EnvironmentError(label_ + ": became shorter while it was read");
}

std::string read_text_file(const fs::path& path) {
  InputFile file(path);
  if (file.size() > std::numeric_limits<std::size_t>::max() / 2) {
    throw EnvironmentError(path.string() + ": too large for this machine");
  }
  try {
    std::string text(static_cast<std::size_t>(file.size()), '\0');
    file.read(std::as_writable_bytes(std::span<char>(text)));
    return text;
  } catch (const std::bad_alloc&) {
    throw EnvironmentError(path.string() + ": not enough memory for its " +
                           std::to_string(file.size()) + " bytes");
  }
}

void replace_file(const fs::path& path, std::span<const std::byte> bytes) {
  static std::atomic<unsigned> counter{0};
  const std::string label = path.string();
  if (label.empty()) throw InvalidArgument("the name of the file to write is empty");
  const fs::path target = follow_links(path);
  std::error_code error;
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) fail(label, "cannot write", EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    OutputFile device(target, O_WRONLY | O_CLOEXEC, false, label);
    device.write(bytes);
    device.close();
    return;
  }
  if (fs::exists(status) && ::access(target.c_str(), W_OK) != 0) {
    // A rename would replace even a file that is marked read-only.
    fail(label, "cannot write", errno);
  }
  fs::path temporary = target;
  temporary += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  OutputFile file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, true, label);
  file.write(bytes);
  if (fs::exists(status)) file.take_permissions_of(target);
  file.flush_to_disk();
  file.close();
  file.rename_to(target);
}

void replace_file(const fs::path& path, std::string_view text) {
  replace_file(path, std::as_bytes(std::span<const char>(text.data(), text.size())));
}

}  // namespace flashrnn::io
