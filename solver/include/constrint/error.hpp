// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace constrint {

/// Base of everything that the library throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller's fault: an empty list of values, a variable of another model, a buffer of the wrong
/// size.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// A text that is not in the language. what() reads "name:line:column: expected X, found Y".
class ParseError : public Error {
 public:
  ParseError(std::string text_name, std::size_t line, std::size_t column, std::string message)
      : Error(text_name + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " +
              message),
        text_name_(std::move(text_name)),
        line_(line),
        column_(column),
        message_(std::move(message)) {}

  /// Name that the text was given when it was added.
  [[nodiscard]] const std::string& text_name() const { return text_name_; }
  /// Line of the offending token, from 1.
  [[nodiscard]] std::size_t line() const { return line_; }
  /// Column of the offending token in bytes, from 1.
  [[nodiscard]] std::size_t column() const { return column_; }
  /// What was expected and what was found, without the position.
  [[nodiscard]] const std::string& message() const { return message_; }

 private:
  std::string text_name_;
  std::size_t line_;
  std::size_t column_;
  std::string message_;
};

/// A limit (time, memory, nodes, 128-bit arithmetic, a stop request) ended work that has no partial
/// result. Functions that return a Status report limits there and do not throw this.
class LimitReached : public Error {
 public:
  using Error::Error;
};

}  // namespace constrint
