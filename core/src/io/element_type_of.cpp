// SPDX-License-Identifier: Apache-2.0
#include "element_type_of.hpp"

#include "flashrnn/error.hpp"

namespace flashrnn::io {

ElementType element_type_of(DataType type) {
  switch (type) {
    case DataType::float64:
      return ElementType::F64;
    case DataType::float32:
      return ElementType::F32;
    case DataType::bfloat16:
      return ElementType::BF16;
    case DataType::float16:
      return ElementType::F16;
  }
  throw InternalError("data type without an element type");
}

}  // namespace flashrnn::io
