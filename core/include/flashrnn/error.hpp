// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace flashrnn {

// Three kinds of failure, so that a caller can tell whose turn it is to act.

/// Base of everything that the library throws.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller's fault: a wrong shape, a missing tensor, a file that is not what it should be.
/// The message names the argument, what was expected and what was found.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// The environment's fault: a file that cannot be read or written, no memory, no such device.
class EnvironmentError : public Error {
 public:
  using Error::Error;
};

/// Our fault: an assumption of the library does not hold. Please report it.
class InternalError : public Error {
 public:
  using Error::Error;
};

}  // namespace flashrnn
