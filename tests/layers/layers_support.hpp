// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "flashrnn/flashrnn.hpp"
#include "spaces.hpp"

namespace flashrnn::test {

/// The build's execution spaces as GoogleTest takes them; typed tests run once for each.
template <class List>
struct AsTestTypes;
template <class... Each>
struct AsTestTypes<TypeList<Each...>> {
  using Types = ::testing::Types<Each...>;
};
using TestedSpaces = AsTestTypes<Spaces>::Types;

/// Names typed tests after their space.
struct SpaceName {
  template <class Space>
  // NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest calls
  static std::string GetName(int) {
    return Space::name();
  }
};

inline ElementType element_type(DataType type) {
  return type == DataType::float64    ? ElementType::F64
         : type == DataType::float32  ? ElementType::F32
         : type == DataType::bfloat16 ? ElementType::BF16
                                      : ElementType::F16;
}

/// Memory of an execution space, filled and read from host values.
template <class Space>
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::size_t bytes) : view_("memory", bytes) {}
  Memory(const std::vector<double>& values, DataType type) : type_(type) {
    const std::vector<std::byte> bytes =
        encode(std::span<const double>(values), element_type(type));
    view_ = Kokkos::View<char*, typename Space::memory_space>("memory", bytes.size());
    const Kokkos::View<const char*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged> host(
        reinterpret_cast<const char*>(bytes.data()), bytes.size());
    Kokkos::deep_copy(view_, host);
  }

  void* data() const { return view_.data(); }
  /// The address of element `index`.
  void* at(Index index) const { return view_.data() + index * static_cast<Index>(size_of(type_)); }
  std::vector<double> values() const {
    const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), view_);
    const auto count = static_cast<std::int64_t>(host.size() / size_of(type_));
    return to_vector<double>(
        TensorView{"",
                   element_type(type_),
                   {count},
                   {reinterpret_cast<const std::byte*>(host.data()), host.size()}});
  }

 private:
  DataType type_ = DataType::float64;
  Kokkos::View<char*, typename Space::memory_space> view_;
};

/// Uniform in [-scale, scale], the same for the same seed.
inline std::vector<double> random_values(Index count, unsigned seed, double scale = 1) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> uniform(-scale, scale);
  std::vector<double> out(static_cast<std::size_t>(count));
  for (double& value : out) value = uniform(engine);
  return out;
}

/// What an output holds before it is written, so that a value left out is seen.
inline std::vector<double> unwritten(std::size_t count) {
  return std::vector<double>(count, std::nan(""));
}

inline double max_norm(const std::vector<double>& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

/// The largest difference, NaN if there is one.
inline double max_difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return std::nan("");
  double most = 0;
  for (std::size_t n = 0; n < a.size(); ++n) {
    const double difference = std::abs(a[n] - b[n]);
    if (!(difference <= most)) most = difference;
    if (std::isnan(most)) return most;
  }
  return most;
}

/// `found` is `expected` up to `tolerance` times the largest expected value.
inline void expect_close(const char* name, const std::vector<double>& found,
                         const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size()) << name;
  ASSERT_FALSE(expected.empty()) << name;
  ASSERT_GT(max_norm(expected), 0) << name << ": nothing to compare";
  EXPECT_LE(max_difference(found, expected), tolerance * max_norm(expected)) << name;
}

inline SafetensorsFile golden(const std::string& name) {
  return SafetensorsFile::read(std::string(FLASHRNN_GOLDEN_DATA) + "/" + name + ".safetensors");
}

/// Runs `call`, which must throw InvalidArgument with all of `parts` in its message.
template <class Call>
void expect_invalid(const Call& call, const std::vector<std::string>& parts) {
  try {
    call();
    ADD_FAILURE() << "no exception; expected InvalidArgument with "
                  << ::testing::PrintToString(parts);
  } catch (const InvalidArgument& error) {
    for (const std::string& part : parts)
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "expected '" << part << "' in: " << error.what();
  }
}

}  // namespace flashrnn::test
