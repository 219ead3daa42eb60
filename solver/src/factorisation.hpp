// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "domain.hpp"
#include "recycler.hpp"

namespace constrint::detail {

/// Whether n is prime, for any 64-bit n (deterministic Miller-Rabin).
bool is_prime(std::uint64_t n);

struct PrimePower {
  std::uint64_t prime = 0;
  int exponent = 0;
};

/// The prime powers of n >= 1, primes ascending (trial division, then Pollard's rho).
RecyclingVector<PrimePower> factorise(std::uint64_t n);

/// All positive divisors of n >= 1 up to `limit`, ascending.
RecyclingVector<std::int64_t> divisors(std::uint64_t n, std::int64_t limit);

/// The divisors of `number` (not 0) in a domain, negative ones too: ascending, or descending if
/// `largest`.
std::vector<std::int64_t> divisors_within(std::int64_t number, const Domain& domain, bool largest);

}  // namespace constrint::detail
