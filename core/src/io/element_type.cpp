// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "flashrnn/error.hpp"
#include "flashrnn/safetensors.hpp"
#include "half.hpp"

static_assert(std::endian::native == std::endian::little,
              "safetensors data is little-endian and is read and written without swapping bytes");

namespace flashrnn {
namespace {

struct TypeRow {
  ElementType type;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<TypeRow, 10> type_table{{{ElementType::F64, "F64", 8},
                                              {ElementType::F32, "F32", 4},
                                              {ElementType::F16, "F16", 2},
                                              {ElementType::BF16, "BF16", 2},
                                              {ElementType::I64, "I64", 8},
                                              {ElementType::I32, "I32", 4},
                                              {ElementType::I16, "I16", 2},
                                              {ElementType::I8, "I8", 1},
                                              {ElementType::U8, "U8", 1},
                                              {ElementType::Bool, "BOOL", 1}}};

const TypeRow& row(ElementType type) {
  const auto position = static_cast<std::size_t>(type);
  if (position >= type_table.size()) throw InvalidArgument("not an element type");
  return type_table[position];
}

/// Calls `visit` with a value of the C++ type that holds one element, and with the functions that
/// turn it into a number and back.
template <typename Visitor>
auto visit_type(ElementType type, Visitor&& visit) {
  switch (type) {
    case ElementType::F64:
      return visit(double{});
    case ElementType::F32:
      return visit(float{});
    case ElementType::I64:
      return visit(std::int64_t{});
    case ElementType::I32:
      return visit(std::int32_t{});
    case ElementType::I16:
      return visit(std::int16_t{});
    case ElementType::I8:
      return visit(std::int8_t{});
    case ElementType::U8:
      return visit(std::uint8_t{});
    case ElementType::Bool:
      return visit(bool{});
    default:
      throw InternalError("element type without a C++ type");
  }
}

template <class Half, typename T>
void decode_halves(std::span<const std::byte> data, std::vector<T>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, data.data() + 2 * i, sizeof bits);
    values[i] = static_cast<T>(io::decode_half<Half>(bits));
  }
}

template <class Half, typename T>
void encode_halves(std::span<const T> values, std::vector<std::byte>& data) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = io::encode_half<Half>(static_cast<double>(values[i]));
    std::memcpy(data.data() + 2 * i, &bits, sizeof bits);
  }
}

/// `value` as Element; throws if an integer or Bool element cannot hold it exactly.
template <typename Element, typename T>
Element convert_exactly(T value, std::size_t position) {
  if constexpr (std::is_floating_point_v<Element>) {
    return static_cast<Element>(value);
  } else {
    // Both bounds are powers of two (or 0), hence exact in T; the upper one is excluded.
    const T low = static_cast<T>(std::numeric_limits<Element>::min());
    const T end = std::ldexp(T{1}, std::numeric_limits<Element>::digits);
    if (!(value >= low && value < end) || std::trunc(value) != value) {
      throw InvalidArgument("element " + std::to_string(position) + " is " + std::to_string(value) +
                            ", which the integer type cannot hold");
    }
    return static_cast<Element>(value);
  }
}

}  // namespace

std::size_t element_size(ElementType type) {
  return row(type).size;
}

std::string_view element_type_name(ElementType type) {
  return row(type).name;
}

std::optional<ElementType> element_type_from_name(std::string_view name) {
  for (const TypeRow& candidate : type_table) {
    if (candidate.name == name) return candidate.type;
  }
  return std::nullopt;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  constexpr std::size_t longest = 12;
  std::string text = "[";
  for (std::size_t axis = 0; axis < shape.size() && axis < longest; ++axis) {
    text += (axis == 0 ? "" : ", ") + std::to_string(shape[axis]);
  }
  return text + (shape.size() > longest ? ", ...]" : "]");
}

std::int64_t element_count(std::span<const std::int64_t> shape) {
  std::int64_t product = 1;
  bool empty = false;
  for (const std::int64_t length : shape) {
    if (length < 0) throw InvalidArgument("shape " + shape_text(shape) + " has a negative axis");
    if (length == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, length, &product)) {
      throw InvalidArgument("shape " + shape_text(shape) + " has more than 2^63 elements");
    }
  }
  return empty ? 0 : product;
}

template <typename T>
std::vector<T> to_vector(const TensorView& tensor) {
  std::vector<T> values(tensor.size());
  if (tensor.type == ElementType::F16) {
    decode_halves<float16>(tensor.data, values);
  } else if (tensor.type == ElementType::BF16) {
    decode_halves<bfloat16>(tensor.data, values);
  } else {
    visit_type(tensor.type, [&](auto element) {
      using Element = decltype(element);
      for (std::size_t i = 0; i < values.size(); ++i) {
        if constexpr (std::is_same_v<Element, bool>) {
          values[i] = tensor.data[i] == std::byte{0} ? T{0} : T{1};
        } else {
          std::memcpy(&element, tensor.data.data() + i * sizeof element, sizeof element);
          values[i] = static_cast<T>(element);
        }
      }
    });
  }
  return values;
}

template <typename T>
std::vector<std::byte> encode(std::span<const T> values, ElementType type) {
  std::vector<std::byte> data(values.size() * element_size(type));
  if (type == ElementType::F16) {
    encode_halves<float16>(values, data);
  } else if (type == ElementType::BF16) {
    encode_halves<bfloat16>(values, data);
  } else {
    visit_type(type, [&](auto element) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        element = convert_exactly<decltype(element)>(values[i], i);
        std::memcpy(data.data() + i * sizeof element, &element, sizeof element);
      }
    });
  }
  return data;
}

template std::vector<double> to_vector<double>(const TensorView&);
template std::vector<float> to_vector<float>(const TensorView&);
template std::vector<std::byte> encode<double>(std::span<const double>, ElementType);
template std::vector<std::byte> encode<float>(std::span<const float>, ElementType);

std::optional<NonFiniteElement> first_non_finite(const TensorView& tensor) {
  const bool floating = tensor.type == ElementType::F64 || tensor.type == ElementType::F32 ||
                        tensor.type == ElementType::F16 || tensor.type == ElementType::BF16;
  if (!floating) return std::nullopt;
  const std::vector<double> values = to_vector<double>(tensor);
  for (std::size_t offset = 0; offset < values.size(); ++offset) {
    if (std::isfinite(values[offset])) continue;
    NonFiniteElement found{offset, TensorShape(tensor.shape.size()), values[offset]};
    auto rest = static_cast<std::int64_t>(offset);
    for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
      found.index[axis] = rest % tensor.shape[axis];
      rest /= tensor.shape[axis];
    }
    return found;
  }
  return std::nullopt;
}

}  // namespace flashrnn
