// SPDX-License-Identifier: Apache-2.0
#include "safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "file.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn::io {
namespace {

/// Builds a Header from the events of the JSON parser. Working on events keeps nesting bounded (an
/// object or array where none belongs ends the parse at once) and sees duplicate keys, which a
/// parsed JSON object no longer shows.
class HeaderBuilder {
 public:
  explicit HeaderBuilder(const std::string& label) : label_(label) {}

  Header take() { return std::move(header_); }

  // The events that nlohmann::json::sax_parse calls, with its names.
  bool null() { unexpected("null"); }
  bool boolean(bool /*value*/) { unexpected("a boolean"); }
  bool number_float(double /*value*/, const std::string& text) { unexpected("the number " + text); }
  bool binary(std::vector<std::uint8_t>& /*value*/) { unexpected("binary data"); }

  bool number_integer(std::int64_t value) {
    unexpected("the negative number " + std::to_string(value));
  }

  bool number_unsigned(std::uint64_t value) {
    if (place_ != Place::TensorShape && place_ != Place::Offsets) {
      unexpected("the number " + std::to_string(value));
    }
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      fail("the number " + std::to_string(value) + " in '" + field_ + "' is above 2^63 - 1");
    }
    numbers_.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(std::string& value) {
    if (place_ == Place::Metadata) {
      header_.metadata[field_] = std::move(value);
    } else if (place_ == Place::Tensor && field_ == "dtype") {
      entry_.type = known_type(value);
    } else {
      unexpected("the string " + quote_name(value));
    }
    return true;
  }

  bool start_object(std::size_t /*size*/) {
    if (place_ == Place::Outside) {
      place_ = Place::Top;
    } else if (place_ == Place::Top) {
      place_ = name_ == metadata_name ? Place::Metadata : Place::Tensor;
      entry_ = {};
      fields_ = {};
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(std::string& text) {
    if (place_ == Place::Top) {
      name_ = text;
      const bool is_new = text == metadata_name ? !std::exchange(metadata_seen_, true)
                                                : !header_.tensors.contains(text);
      if (!is_new) fail("the name stands twice in the header");
    } else if (place_ == Place::Metadata) {
      if (header_.metadata.contains(text)) fail("the key " + quote_name(text) + " stands twice");
      field_ = text;
    } else {
      const auto known = std::find(field_names.begin(), field_names.end(), text);
      if (known == field_names.end()) {
        fail("unknown field " + quote_name(text) + "; a tensor has dtype, shape and data_offsets");
      }
      bool& seen = fields_[static_cast<std::size_t>(known - field_names.begin())];
      if (std::exchange(seen, true)) fail("'" + text + "' stands twice");
      field_ = text;
    }
    return true;
  }

  bool end_object() {
    if (place_ == Place::Tensor) {
      for (std::size_t i = 0; i < field_names.size(); ++i) {
        if (!fields_[i]) fail("'" + std::string(field_names[i]) + "' is missing");
      }
      header_.tensors.emplace(name_, std::move(entry_));
    }
    place_ = place_ == Place::Top ? Place::Outside : Place::Top;
    return true;
  }

  bool start_array(std::size_t /*size*/) {
    if (place_ != Place::Tensor || field_ == "dtype") unexpected("an array");
    place_ = field_ == "shape" ? Place::TensorShape : Place::Offsets;
    numbers_.clear();
    return true;
  }

  bool end_array() {
    if (place_ == Place::TensorShape) {
      entry_.shape = numbers_;
    } else {
      if (numbers_.size() != 2) {
        fail("data_offsets has " + std::to_string(numbers_.size()) +
             " numbers where begin and end are expected");
      }
      entry_.begin = static_cast<std::uint64_t>(numbers_[0]);
      entry_.end = static_cast<std::uint64_t>(numbers_[1]);
    }
    place_ = Place::Tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& error) {
    // The text begins with the library's own "[json.exception...] " mark, of no use to the reader.
    std::string text = error.what();
    if (const auto mark = text.find("] "); mark != std::string::npos) text.erase(0, mark + 2);
    constexpr std::size_t longest = 300;
    if (text.size() > longest) text = text.substr(0, longest) + "...";
    throw InvalidArgument(label_ + ": the header is not valid JSON at its byte " +
                          std::to_string(position) + ": " + text);
  }

 private:
  enum class Place { Outside, Top, Metadata, Tensor, TensorShape, Offsets };
  static constexpr std::string_view metadata_name = "__metadata__";
  static constexpr std::array<std::string_view, 3> field_names{"dtype", "shape", "data_offsets"};

  [[noreturn]] void fail(const std::string& what) const {
    const std::string where =
        name_ == metadata_name ? "__metadata__" : "tensor " + quote_name(name_);
    throw InvalidArgument(label_ + ": " + where + ": " + what);
  }

  [[noreturn]] void unexpected(const std::string& found) const {
    switch (place_) {
      case Place::Outside:
        throw InvalidArgument(label_ + ": the header is " + found + " where an object is expected");
      case Place::Top:
        fail("found " + found + " where an object is expected");
      case Place::Metadata:
        fail("the value of " + quote_name(field_) + " is " + found + " where a string is expected");
      case Place::Tensor:
        fail("'" + field_ + "' is " + found + " where " +
             (field_ == "dtype" ? "a string" : "an array of non-negative integers") +
             " is expected");
      default:
        fail("'" + field_ + "' holds " + found + " where a non-negative integer is expected");
    }
  }

  [[nodiscard]] ElementType known_type(const std::string& name) const {
    if (const auto type = element_type_from_name(name)) return *type;
    fail("dtype " + quote_name(name) +
         " is not supported; supported are F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL");
  }

  const std::string& label_;
  Header header_;
  Place place_ = Place::Outside;
  std::string name_;   // key in the top object
  std::string field_;  // key in the object below it
  HeaderEntry entry_;
  std::array<bool, 3> fields_{};
  std::vector<std::int64_t> numbers_;
  bool metadata_seen_ = false;
};

std::string range_text(const HeaderEntry& entry) {
  return "data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]";
}

/// Checks one entry by itself. Throws without the label.
void check_entry(const HeaderEntry& entry, std::uint64_t data_size) {
  if (entry.begin > entry.end) throw InvalidArgument(range_text(entry) + " are reversed");
  if (entry.end > data_size) {
    throw InvalidArgument(range_text(entry) + " reach beyond the file, which has " +
                          std::to_string(data_size) + " bytes of data (is it cut short?)");
  }
  std::uint64_t bytes = 0;
  const auto count = static_cast<std::uint64_t>(element_count(entry.shape));
  if (__builtin_mul_overflow(count, element_size(entry.type), &bytes)) {
    throw InvalidArgument("shape " + shape_text(entry.shape) + " has more than 2^64 bytes");
  }
  if (bytes != entry.end - entry.begin) {
    throw InvalidArgument(range_text(entry) + " hold " + std::to_string(entry.end - entry.begin) +
                          " bytes, but shape " + shape_text(entry.shape) + " of " +
                          std::string(element_type_name(entry.type)) + " needs " +
                          std::to_string(bytes));
  }
}

/// Checks that the entries, in the order of their data, follow each other without gap or overlap.
void check_coverage(const Header& header, std::uint64_t data_size, const std::string& label) {
  using Item = std::pair<const std::string, HeaderEntry>;
  std::vector<const Item*> order;
  for (const Item& item : header.tensors) order.push_back(&item);
  std::sort(order.begin(), order.end(), [](const Item* a, const Item* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t covered = 0;
  const Item* previous = nullptr;
  for (const Item* item : order) {
    const std::string where = label + ": tensor " + quote_name(item->first) + ": ";
    if (item->second.begin < covered) {
      throw InvalidArgument(where + range_text(item->second) + " overlap those of tensor " +
                            quote_name(previous->first) + ", which end at " +
                            std::to_string(covered));
    }
    if (item->second.begin > covered) {
      throw InvalidArgument(where + range_text(item->second) +
                            " leave a hole: the data before ends at " + std::to_string(covered));
    }
    covered = item->second.end;
    previous = item;
  }
  if (covered != data_size) {
    throw InvalidArgument(label + ": " + std::to_string(data_size - covered) +
                          " bytes at the end of the file belong to no tensor");
  }
}

}  // namespace

std::uint64_t header_length(std::span<const std::byte> first_bytes, std::uint64_t file_size,
                            const std::string& label) {
  std::uint64_t length = 0;
  if (file_size < sizeof length || first_bytes.size() < sizeof length) {
    throw InvalidArgument(label + ": " + std::to_string(file_size) +
                          " bytes are too few for a safetensors file, which begins with 8 bytes of "
                          "header length");
  }
  std::memcpy(&length, first_bytes.data(), sizeof length);
  if (length > SafetensorsFile::max_header_bytes) {
    throw InvalidArgument(
        label + ": header length " + std::to_string(length) + " is above the limit of " +
        std::to_string(SafetensorsFile::max_header_bytes) + " bytes (is this a safetensors file?)");
  }
  if (length > file_size - sizeof length) {
    throw InvalidArgument(label + ": header length " + std::to_string(length) +
                          " reaches beyond the file, which has " + std::to_string(file_size) +
                          " bytes");
  }
  return length;
}

Header parse_header(std::string_view json, std::uint64_t data_size, const std::string& label) {
  if (json.empty() || json.front() != '{') {
    throw InvalidArgument(label + ": the header does not begin with '{'");
  }
  HeaderBuilder builder(label);
  nlohmann::json::sax_parse(json.begin(), json.end(), &builder);
  Header header = builder.take();
  for (const auto& [name, entry] : header.tensors) {
    try {
      check_entry(entry, data_size);
    } catch (const InvalidArgument& error) {
      throw InvalidArgument(label + ": tensor " + quote_name(name) + ": " + error.what());
    }
  }
  check_coverage(header, data_size, label);
  return header;
}

}  // namespace flashrnn::io
