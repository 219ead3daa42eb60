// SPDX-License-Identifier: Apache-2.0
#include "ptx.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <vector>

extern char** environ;

namespace flashrnn::cuda {
namespace {

namespace fs = std::filesystem;

bool is_letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

/// Calls `take` with every name and number of `text`.
template <class Take>
void for_each_name(std::string_view text, const Take& take) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_letter(text[end])) ++end;
    if (end > at) take(text.substr(at, end - at));
    at = end + 1;
  }
}

/// ".global .align 4 .u32 _ZN4Lstm6statesE = 2;" -> "_ZN4Lstm6statesE"; empty for other lines.
std::string_view variable_of(std::string_view line) {
  if (!line.starts_with(".global ") || !line.ends_with(';')) return {};
  std::string_view declaration = line.substr(0, line.find_first_of("=;"));
  declaration = declaration.substr(0, declaration.find('['));
  std::string_view last;
  for_each_name(declaration, [&last](std::string_view name) { last = name; });
  return last;
}

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A folder of this process that is gone with its last use.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<unsigned> counter{0};
    path = fs::temp_directory_path() /
           ("flashrnn_embed_" + std::to_string(getpid()) + "_" + std::to_string(counter++));
    fs::create_directories(path);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

}  // namespace

std::string without_unused_variables(std::string_view ptx) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < ptx.size();) {
    const std::size_t end = std::min(ptx.find('\n', at), ptx.size());
    lines.push_back(ptx.substr(at, end - at));
    at = end + 1;
  }
  std::map<std::string_view, int> uses;
  for_each_name(ptx, [&uses](std::string_view name) { ++uses[name]; });
  // A variable may be named by the initial value of another one that goes: until none is left.
  for (std::size_t before = lines.size() + 1; lines.size() < before;) {
    before = lines.size();
    std::erase_if(lines, [&uses](std::string_view line) {
      const std::string_view name = variable_of(line);
      if (name.empty() || uses[name] > 1) return false;
      for_each_name(line, [&uses](std::string_view other) { --uses[other]; });
      return true;
    });
  }
  std::string out;
  for (const std::string_view line : lines) (out += line) += '\n';
  return out;
}

std::string assemble(const std::string& ptx, const std::string& architecture,
                     const fs::path& ptxas) {
  const TemporaryFolder folder;
  const fs::path input = folder.path / "kernel.ptx", output = folder.path / "kernel.cubin",
                 log = folder.path / "log";
  std::ofstream(input, std::ios::binary) << ptx;
  std::vector<std::string> words = {ptxas.string(), "-arch=" + architecture, "--generate-line-info",
                                    "-o",           output.string(),         input.string()};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_CREAT | O_WRONLY, 0600);
  pid_t process = 0;
  const int failure =
      posix_spawn(&process, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failure != 0 || waitpid(process, &status, 0) != process || status != 0)
    throw std::runtime_error(ptxas.string() + " did not assemble a kernel:\n" + contents(log));
  std::string code = contents(output);
  if (code.empty()) throw std::runtime_error(ptxas.string() + " wrote no machine code");
  return code;
}

}  // namespace flashrnn::cuda
