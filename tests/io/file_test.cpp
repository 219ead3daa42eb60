// SPDX-License-Identifier: Apache-2.0
#include "io/file.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "file_fixture.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn::test {
namespace {

class ReplaceFile : public FolderTest {};

TEST_F(ReplaceFile, writes_new_files_and_replaces_old_ones) {
  io::replace_file(path("a"), std::string_view("first"));
  EXPECT_EQ(content(path("a")), "first");
  io::replace_file(path("a"), std::string_view("2"));
  EXPECT_EQ(content(path("a")), "2");
  EXPECT_EQ(io::read_text_file(path("a")), "2");
  EXPECT_EQ(files_in_folder(), 1U);
}

TEST_F(ReplaceFile, follows_links_and_keeps_permissions) {
  put(path("file"), "old");
  ASSERT_EQ(::chmod(path("file").c_str(), 0640), 0);
  std::filesystem::create_symlink("file", path("link"));
  io::replace_file(path("link"), std::string_view("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
  EXPECT_EQ(content(path("file")), "new");
  EXPECT_EQ(static_cast<int>(std::filesystem::status(path("file")).permissions()), 0640);
}

TEST_F(ReplaceFile, writes_to_devices) {
  io::replace_file("/dev/null", std::string_view("text"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(ReplaceFile, missing_folder_folder_and_empty_name) {
  const std::string inside = path("none").string() + "/a";
  EXPECT_EQ(message_of<EnvironmentError>([&] { io::replace_file(inside, std::string_view("x")); }),
            inside + ": cannot open for writing: No such file or directory");
  const std::string folder = path("").string();
  EXPECT_EQ(message_of<EnvironmentError>([&] { io::replace_file(folder, std::string_view("x")); }),
            folder + ": cannot write: Is a directory");
  EXPECT_EQ(message_of<InvalidArgument>([&] { io::replace_file("", std::string_view("x")); }),
            "the name of the file to write is empty");
}

TEST_F(ReplaceFile, unwritable_folder) {
  // The superuser may write to every folder but those that the kernel makes up.
  const std::string made_up = "/proc/flashrnn";
  EXPECT_EQ(message_of<EnvironmentError>([&] {
              io::replace_file(made_up, std::string_view("x"));
            }).find(made_up + ": cannot open for writing: "),
            0U);
  if (::geteuid() == 0) return;
  std::filesystem::permissions(
      path(""), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const std::string file = path("a").string();
  EXPECT_EQ(message_of<EnvironmentError>([&] { io::replace_file(file, std::string_view("x")); }),
            file + ": cannot open for writing: Permission denied");
}

/// Lets this process write files of at most that many bytes, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    previous_handler_ = std::signal(SIGXFSZ, SIG_IGN);  // so that write() fails instead
    ::getrlimit(RLIMIT_FSIZE, &previous_);
    rlimit limit = previous_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &previous_);
    std::signal(SIGXFSZ, previous_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit previous_{};
  void (*previous_handler_)(int) = nullptr;
};

TEST_F(ReplaceFile, failed_write_leaves_the_old_file_and_nothing_else) {
  put(path("a"), "precious");
  const std::string file = path("a").string();
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = message_of<EnvironmentError>(
        [&] { io::replace_file(file, std::string_view(std::string(5000, 'x'))); });
  }
  EXPECT_EQ(message, file + ": cannot write: File too large");
  EXPECT_EQ(content(path("a")), "precious");
  EXPECT_EQ(files_in_folder(), 1U);
}

TEST(quote_name, escapes_and_cuts) {
  EXPECT_EQ(io::quote_name("a\tb\x7f"), "'a\\x09b\\x7f'");
  EXPECT_EQ(io::quote_name(std::string(100, 'a')), "'" + std::string(80, 'a') + "...'");
}

}  // namespace
}  // namespace flashrnn::test
