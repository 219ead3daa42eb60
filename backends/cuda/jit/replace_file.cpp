// SPDX-License-Identifier: Apache-2.0
#include "replace_file.hpp"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <system_error>

namespace flashrnn::cuda {

void replace_file(const std::filesystem::path& file,
                  std::initializer_list<std::string_view> pieces) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) return;
  // Unique among processes by the process, within one by the counter.
  static std::atomic<unsigned> counter{0};
  const fs::path temporary =
      file.parent_path() / (file.stem().string() + "." + std::to_string(getpid()) + "." +
                            std::to_string(counter++) + ".tmp");
  {
    std::ofstream out(temporary, std::ios::binary);
    for (const std::string_view piece : pieces) out << piece;
    out.close();
    if (!out) {
      fs::remove(temporary, error);
      return;
    }
  }
  fs::rename(temporary, file, error);
  if (error) fs::remove(temporary, error);
}

}  // namespace flashrnn::cuda
