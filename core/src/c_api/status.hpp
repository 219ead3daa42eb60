// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/error.hpp"
#include "flashrnn/flashrnn.h"

namespace flashrnn::c_api {

/// The library is not initialised, or otherwise not in the state that a call needs.
class InvalidState : public Error {
 public:
  using Error::Error;
};

/// The device exists, but not in this build of the library.
class DeviceUnavailable : public Error {
 public:
  using Error::Error;
};

/// The calling thread's text for flashrnn_last_error. Never null.
const char* last_error() noexcept;

/// The status of the exception that is being handled; its text becomes the last error.
flashrnn_status status_of_current_exception() noexcept;

/// Runs `body` and turns whatever it throws into a status: nothing may throw into C.
template <class Body>
flashrnn_status guarded(const Body& body) noexcept {
  try {
    body();
    return FLASHRNN_SUCCESS;
  } catch (...) {
    return status_of_current_exception();
  }
}

/// @throws InvalidArgument if `pointer` is null.
template <class Type>
Type& required(Type* pointer, const char* name) {
  if (pointer == nullptr)
    throw InvalidArgument(std::string(name) + ": expected a pointer, found null");
  return *pointer;
}

}  // namespace flashrnn::c_api
