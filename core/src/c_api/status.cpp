// SPDX-License-Identifier: Apache-2.0
#include "status.hpp"

#include <cstring>
#include <new>

namespace flashrnn::c_api {
namespace {

// A fixed buffer, so that an error can be reported when there is no memory left.
constexpr std::size_t capacity = 1024;
thread_local char error_text[capacity] = "";

flashrnn_status fail(flashrnn_status status, const char* text) noexcept {
  std::size_t length = std::strlen(text);
  if (length >= capacity) {
    length = capacity - 1;
    // Not within a character of UTF-8: its continuation bytes are 10xxxxxx.
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0u) == 0x80u) --length;
  }
  std::memcpy(error_text, text, length);
  error_text[length] = '\0';
  return status;
}

}  // namespace

const char* last_error() noexcept {
  return error_text;
}

flashrnn_status status_of_current_exception() noexcept {
  try {
    throw;
  } catch (const InvalidArgument& error) {
    return fail(FLASHRNN_INVALID_ARGUMENT, error.what());
  } catch (const InvalidState& error) {
    return fail(FLASHRNN_INVALID_STATE, error.what());
  } catch (const DeviceUnavailable& error) {
    return fail(FLASHRNN_DEVICE_UNAVAILABLE, error.what());
  } catch (const EnvironmentError& error) {
    return fail(FLASHRNN_ENVIRONMENT_ERROR, error.what());
  } catch (const std::bad_alloc&) {
    return fail(FLASHRNN_OUT_OF_MEMORY, "the library could not allocate the memory it needs");
  } catch (const std::exception& error) {
    return fail(FLASHRNN_INTERNAL_ERROR, error.what());
  } catch (...) {
    return fail(FLASHRNN_INTERNAL_ERROR, "an exception of unknown type reached the C API");
  }
}

}  // namespace flashrnn::c_api
