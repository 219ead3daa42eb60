// SPDX-License-Identifier: Apache-2.0
#include "constrint/count.hpp"

#include <algorithm>

namespace constrint {

std::string Count::str() const {
  if (value_ == 0) return "0";
  std::string digits;
  for (Uint128 rest = value_; rest != 0; rest /= 10) {
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
  }
  std::ranges::reverse(digits);
  return digits;
}

}  // namespace constrint
