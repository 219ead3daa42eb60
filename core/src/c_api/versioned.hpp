// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

#include "status.hpp"

namespace flashrnn::c_api {

/// Smallest struct_size that any release had. A structure that grows gets a specialisation with the
/// size of its first version.
template <class Struct>
inline constexpr std::size_t first_size = sizeof(Struct);
template <>
inline constexpr std::size_t first_size<flashrnn_problem> = offsetof(flashrnn_problem,
                                                                     float32_matmul_precision);
template <>
inline constexpr std::size_t first_size<flashrnn_forward_arguments> =
    offsetof(flashrnn_forward_arguments, R_is_prepared);

/// @throws InvalidArgument if the struct_size of `given` cannot be right.
template <class Struct>
void check_struct_size(const Struct& given, const char* name) {
  // Beyond this it is certainly a member that was never set.
  constexpr std::size_t most = 1 << 16;
  if (given.struct_size < first_size<Struct> || given.struct_size > most)
    throw InvalidArgument(std::string(name) + ".struct_size: expected sizeof(flashrnn_" + name +
                          ") = " + std::to_string(sizeof(Struct)) + ", found " +
                          std::to_string(given.struct_size));
}

/// `given` as this version of the library knows it: members behind the end of an older, shorter one
/// are zero, and a newer, longer one may hold nothing but zeros in what this version does not know.
/// @throws InvalidArgument if it is null, its size cannot be right, or it uses unknown members.
template <class Struct>
Struct copy_versioned(const Struct* given, const char* name) {
  static_assert(std::is_trivially_copyable_v<Struct>);
  check_struct_size(required(given, name), name);
  Struct copy{};
  std::memcpy(&copy, given, std::min(given->struct_size, sizeof(Struct)));
  const auto* const bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t n = sizeof(Struct); n < given->struct_size; ++n)
    if (bytes[n] != 0)
      throw InvalidArgument(std::string(name) +
                            ": uses a member that this version of the library does not have "
                            "(struct_size " +
                            std::to_string(given->struct_size) + ", known " +
                            std::to_string(sizeof(Struct)) + ")");
  return copy;
}

}  // namespace flashrnn::c_api
