// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flashrnn {

// Reader and writer of safetensors files (https://github.com/huggingface/safetensors, "Format"):
// an 8-byte little-endian header length, a JSON header, then the tensors' bytes without a gap.

/// The element types that this library reads and writes. Half types are raw 16-bit patterns.
enum class ElementType { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool };

/// Bytes of one element.
[[nodiscard]] std::size_t element_size(ElementType type);

/// The name that stands in a safetensors header, such as "BF16".
[[nodiscard]] std::string_view element_type_name(ElementType type);

/// The type of that name, or nothing if the name is not one of ElementType's.
[[nodiscard]] std::optional<ElementType> element_type_from_name(std::string_view name);

/// Axis lengths, outermost first; no axes means a scalar, an axis of length 0 an empty tensor.
using TensorShape = std::vector<std::int64_t>;

/// "[2, 3]"; long shapes are cut with an ellipsis.
[[nodiscard]] std::string shape_text(std::span<const std::int64_t> shape);

/// Number of elements of a shape. Throws InvalidArgument if an axis is negative or if the product
/// of the non-zero axes does not fit in 64 bits.
[[nodiscard]] std::int64_t element_count(std::span<const std::int64_t> shape);

/// One tensor of a file: row-major, little-endian, possibly unaligned. The view does not own its
/// bytes; they live as long as the SafetensorsFile that it came from, or a copy of that.
struct TensorView {
  std::string name;
  ElementType type = ElementType::F32;
  TensorShape shape;
  std::span<const std::byte> data;

  /// Number of elements.
  [[nodiscard]] std::size_t size() const { return data.size() / element_size(type); }
};

/// Elements of a tensor as T (double or float). Exact wherever T can hold the value; F64 and wide
/// integers are rounded to nearest even otherwise. A Bool byte other than 0 counts as 1.
template <typename T>
[[nodiscard]] std::vector<T> to_vector(const TensorView& tensor);

/// The bytes of `values` stored as `type`, each rounded once to nearest even. Integer and Bool
/// types throw InvalidArgument for a value that they cannot hold exactly.
template <typename T>
[[nodiscard]] std::vector<std::byte> encode(std::span<const T> values, ElementType type);

/// A NaN or an infinity and where it stands.
struct NonFiniteElement {
  std::size_t offset = 0;  ///< row-major position
  TensorShape index;       ///< the same position, one entry an axis
  double value = 0;
};

/// The first NaN or infinity of a tensor, if it has one. Integer types have none.
[[nodiscard]] std::optional<NonFiniteElement> first_non_finite(const TensorView& tensor);

/// A read-only safetensors file, wholly in memory. Copies share the bytes.
class SafetensorsFile {
 public:
  /// Longest header that is read, as in the format's own implementation.
  static constexpr std::uint64_t max_header_bytes = 100ULL << 20;

  /// Reads and checks a file. Throws EnvironmentError if it cannot be read and InvalidArgument,
  /// naming the file, the tensor and what is wrong, if it is not a valid safetensors file.
  [[nodiscard]] static SafetensorsFile read(const std::filesystem::path& path);

  /// Checks and copies a file's bytes; `label` stands for its name in messages.
  [[nodiscard]] static SafetensorsFile parse(std::span<const std::byte> bytes, std::string label);

  /// The file's name (or label), for messages.
  [[nodiscard]] const std::string& label() const { return label_; }

  /// The header's "__metadata__", or nothing.
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// All tensors, sorted by name.
  [[nodiscard]] const std::vector<TensorView>& tensors() const { return tensors_; }

  /// The tensor of that name, or null.
  [[nodiscard]] const TensorView* find(std::string_view name) const;

  /// The tensor of that name. Throws InvalidArgument that lists the names there are.
  [[nodiscard]] const TensorView& at(std::string_view name) const;

  /// The tensor of that name, of exactly that shape; -1 stands for any length. Throws
  /// InvalidArgument with the expected and the found shape.
  [[nodiscard]] const TensorView& at(std::string_view name,
                                     std::span<const std::int64_t> expected) const;

  /// Throws InvalidArgument naming tensor and index if the tensor holds a NaN or an infinity.
  void require_finite(const TensorView& tensor) const;

 private:
  SafetensorsFile() = default;

  std::string label_;
  std::map<std::string, std::string> metadata_;
  std::shared_ptr<const std::byte[]> storage_;
  std::vector<TensorView> tensors_;
};

/// Collects tensors and writes them as one file. The bytes depend on the content alone, not on the
/// order of the calls: names are sorted in the header, which is padded to 8 bytes, and the data
/// stands wider types first, so that every tensor is aligned to its element.
class SafetensorsWriter {
 public:
  /// Adds a copy of `data`. Throws InvalidArgument if the name is taken or reserved, or if the size
  /// is not that of shape and type.
  void add(std::string name, ElementType type, TensorShape shape, std::span<const std::byte> data);

  /// Adds `values` stored as `type`; see encode().
  template <typename T>
  void add(std::string name, ElementType type, TensorShape shape, std::span<const T> values) {
    add(std::move(name), type, std::move(shape), std::span<const std::byte>(encode(values, type)));
  }

  /// Sets one entry of "__metadata__"; a second call with the same key replaces the first.
  void set_metadata(std::string key, std::string value);

  /// The whole file's bytes. Throws InvalidArgument if a name or metadata is not valid UTF-8.
  [[nodiscard]] std::vector<std::byte> serialize() const;

  /// Writes the file under a temporary name beside `path` and renames it, so that a failure leaves
  /// what was there. Throws EnvironmentError if the folder or the disk does not allow it.
  void write(const std::filesystem::path& path) const;

 private:
  struct Tensor {
    ElementType type;
    TensorShape shape;
    std::vector<std::byte> data;
  };
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace flashrnn
