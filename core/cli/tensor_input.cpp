// SPDX-License-Identifier: Apache-2.0
#include "tensor_input.hpp"

#include "flashrnn/error.hpp"
#include "io/element_type_of.hpp"
#include "io/file.hpp"

namespace flashrnn::cli {

DataType data_type_of(const SafetensorsFile& file, const TensorView& tensor) {
  for (const DataType type :
       {DataType::float64, DataType::float32, DataType::bfloat16, DataType::float16}) {
    if (tensor.type == io::element_type_of(type)) return type;
  }
  throw InvalidArgument(file.label() + ": tensor " + io::quote_name(tensor.name) +
                        ": expected a floating type (F64, F32, F16 or BF16), found " +
                        std::string(element_type_name(tensor.type)));
}

std::vector<std::byte> convert(const SafetensorsFile& file, const TensorView& tensor,
                               DataType type) {
  const DataType found = data_type_of(file, tensor);
  file.require_finite(tensor);
  if (found == type) return {tensor.data.begin(), tensor.data.end()};
  const std::vector<double> values = to_vector<double>(tensor);
  std::vector<std::byte> bytes =
      encode<double>(std::span<const double>(values), io::element_type_of(type));
  const TensorView converted{tensor.name, io::element_type_of(type), tensor.shape, bytes};
  if (const auto overflow = first_non_finite(converted)) {
    throw InvalidArgument(file.label() + ": tensor " + io::quote_name(tensor.name) + ": element " +
                          shape_text(overflow->index) + " is " +
                          std::to_string(values[overflow->offset]) + ", beyond the range of " +
                          std::string(name_of(type)));
  }
  return bytes;
}

}  // namespace flashrnn::cli
