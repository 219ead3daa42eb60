// SPDX-License-Identifier: Apache-2.0
#include "factorisation.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "constrint/count.hpp"
#include "interval.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint32_t kSmallRoot = 64;
constexpr std::uint32_t kSmallNumber = kSmallRoot * kSmallRoot;

std::uint64_t multiply_mod(std::uint64_t a, std::uint64_t b, std::uint64_t n) {
  return static_cast<std::uint64_t>(static_cast<Uint128>(a) * b % n);
}

std::uint64_t power_mod(std::uint64_t base, std::uint64_t exponent, std::uint64_t n) {
  std::uint64_t result = 1;
  base %= n;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = multiply_mod(result, base, n);
    base = multiply_mod(base, base, n);
  }
  return result;
}

// Brent's variant of Pollard's rho with x -> x^2 + c: a divisor of the composite n, possibly n
// itself.
std::uint64_t rho(std::uint64_t n, std::uint64_t c) {
  const auto step = [n, c](std::uint64_t x) {
    return static_cast<std::uint64_t>((static_cast<Uint128>(x) * x + c) % n);
  };
  std::uint64_t x = 2;
  std::uint64_t y = 2;
  std::uint64_t divisor = 1;
  while (divisor == 1) {
    // The product of many differences needs one gcd instead of many.
    const std::uint64_t saved_x = x;
    const std::uint64_t saved_y = y;
    std::uint64_t product = 1;
    for (int i = 0; i < 128; ++i) {
      x = step(x);
      y = step(step(y));
      const std::uint64_t difference = x > y ? x - y : y - x;
      product = multiply_mod(product, difference, n);
    }
    divisor = std::gcd(product, n);
    if (divisor != n) continue;
    // Too many at once: the same steps one by one.
    x = saved_x;
    y = saved_y;
    do {
      x = step(x);
      y = step(step(y));
      divisor = std::gcd(x > y ? x - y : y - x, n);
    } while (divisor == 1);
  }
  return divisor;
}

void split(std::uint64_t n, RecyclingVector<std::uint64_t>& primes) {
  if (n == 1) return;
  if (is_prime(n)) {
    primes.push_back(n);
    return;
  }
  std::uint64_t divisor = n;
  for (std::uint64_t c = 1; divisor == n; ++c) divisor = rho(n, c);
  split(divisor, primes);
  split(n / divisor, primes);
}

}  // namespace

bool is_prime(std::uint64_t n) {
  constexpr std::uint64_t kSmall[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
  if (n < 2) return false;
  for (const std::uint64_t p : kSmall) {
    if (n % p == 0) return n == p;
  }
  std::uint64_t odd = n - 1;
  int twos = 0;
  for (; odd % 2 == 0; odd /= 2) ++twos;
  // The first twelve primes as bases decide every n below 3.3e24 (Sorenson and Webster, 2015).
  for (const std::uint64_t base : kSmall) {
    std::uint64_t x = power_mod(base, odd, n);
    bool composite = x != 1 && x != n - 1;
    for (int i = 1; composite && i < twos; ++i) {
      x = multiply_mod(x, x, n);
      composite = x != n - 1;
    }
    if (composite) return false;
  }
  return true;
}

RecyclingVector<PrimePower> factorise(std::uint64_t n) {
  RecyclingVector<PrimePower> result;
  const int twos = std::countr_zero(n);
  if (twos > 0) result.push_back({2, twos});
  n >>= twos;
  for (std::uint64_t p = 3; p < 256 && p * p <= n; p += 2) {
    int exponent = 0;
    for (; n % p == 0; n /= p) ++exponent;
    if (exponent > 0) result.push_back({p, exponent});
  }
  if (n == 1) return result;
  RecyclingVector<std::uint64_t> primes;
  if (n < 65536) {
    primes.push_back(n);
  } else {
    split(n, primes);
    std::ranges::sort(primes);
  }
  for (const std::uint64_t prime : primes) {
    if (result.empty() || result.back().prime != prime) result.push_back({prime, 0});
    ++result.back().exponent;
  }
  return result;
}

RecyclingVector<std::int64_t> divisors(std::uint64_t n, std::int64_t limit) {
  RecyclingVector<std::int64_t> result;
  if (limit < 1) return result;
  if (n < kSmallNumber) {
    // Too small for factors to pay: divisors up to the root, then their counterparts.
    std::array<std::uint32_t, kSmallNumber / kSmallRoot> low{};
    std::size_t count = 0;
    const auto small = static_cast<std::uint32_t>(n);
    for (std::uint32_t d = 1; d * d <= small; ++d) {
      if (small % d == 0) low[count++] = d;
    }
    result.reserve(2 * count);
    for (std::size_t i = 0; i < count; ++i) result.push_back(low[i]);
    for (std::size_t i = count; i-- > 0;) {
      if (low[i] * low[i] != small) result.push_back(small / low[i]);
    }
    while (!result.empty() && result.back() > limit) result.pop_back();
    return result;
  }
  const RecyclingVector<PrimePower> factors = factorise(n);
  std::size_t count = 1;
  for (const auto& [prime, exponent] : factors) count *= static_cast<std::size_t>(exponent) + 1;
  result.reserve(count);
  result.push_back(1);
  for (const auto& [prime, exponent] : factors) {
    const std::size_t before = result.size();
    Int128 factor = 1;
    for (int e = 1; e <= exponent; ++e) {
      factor *= prime;
      for (std::size_t i = 0; i < before; ++i) {
        const Int128 product = factor * result[i];
        if (product <= limit) result.push_back(static_cast<std::int64_t>(product));
      }
    }
  }
  std::ranges::sort(result);
  return result;
}

std::vector<std::int64_t> divisors_within(std::int64_t number, const Domain& domain, bool largest) {
  const std::uint64_t size =
      number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  const std::int64_t limit =
      std::max(domain.high, domain.low == kMinusInfinity ? kInfinity : -domain.low);
  std::vector<std::int64_t> result;
  const RecyclingVector<std::int64_t> all = divisors(size, limit);
  for (auto d = all.rbegin(); d != all.rend(); ++d) {
    if (domain.contains(-*d)) result.push_back(-*d);
  }
  for (const std::int64_t d : all) {
    if (domain.contains(d)) result.push_back(d);
  }
  if (largest) std::ranges::reverse(result);
  return result;
}

}  // namespace constrint::detail
