// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "flashrnn/tensors.hpp"

namespace flashrnn {

/// A tensor as kernels see it.
template <class Element>
struct TypedTensor {
  Element* data = nullptr;
  Strides strides;
};

/// A tensor argument with its element type; strides are set by then (see Engine).
template <class Storage, class Pointer>
auto typed(const BasicTensor<Pointer, Strides>& tensor) {
  using Element = std::conditional_t<std::is_same_v<Pointer, const void*>, const Storage, Storage>;
  return TypedTensor<Element>{static_cast<Element*>(tensor.data),
                              tensor.strides.value_or(Strides{})};
}

}  // namespace flashrnn
