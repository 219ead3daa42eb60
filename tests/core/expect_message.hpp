// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>

namespace flashrnn {

/// Expects `body` to throw an Error whose text has both parts.
template <class Error, class Body>
void expect_message(const Body& body, const char* part, const char* other = "") {
  try {
    body();
    ADD_FAILURE() << "nothing was thrown; expected: " << part;
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(part), std::string::npos) << "expected: " << part << "\nfound: " << text;
    EXPECT_NE(text.find(other), std::string::npos) << "expected: " << other << "\nfound: " << text;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "an exception of another type: " << error.what();
  }
}

}  // namespace flashrnn
