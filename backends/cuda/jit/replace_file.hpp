// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string_view>

namespace flashrnn::cuda {

/// Writes `pieces`, one after the other, into `file`, whose folder is made if it is missing.
/// Written under a temporary name and renamed, so that nobody sees half of it, however many threads
/// and processes do the same. What cannot be written is left as it was.
void replace_file(const std::filesystem::path& file,
                  std::initializer_list<std::string_view> pieces);

}  // namespace flashrnn::cuda
