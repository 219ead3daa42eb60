// SPDX-License-Identifier: Apache-2.0
// Divisibility: what it leaves of variables, through products and sums.
#include <algorithm>
#include <numeric>

#include "arithmetic.hpp"
#include "factorisation.hpp"
#include "propagator.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kValueSet =
    256;  // largest set of values that is followed through expressions
constexpr int kMostDepth = 64;
constexpr std::uint64_t kScanned =
    64;  // intervals up to this size are filtered rather than rebuilt

std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

}  // namespace

bool Propagator::must_be_congruent(std::int32_t id, std::int64_t modulus, std::int64_t remainder,
                                   int depth) {
  if (depth > kMostDepth) return true;
  if (remainder < 0 || remainder >= modulus) return false;
  const Gate& own = gate(id);
  if (is_variable(id)) {
    Domain domain = domains_[static_cast<std::size_t>(id)];
    domain.restrict_to_congruence(modulus, remainder, arena_);
    return commit(id, domain);
  }
  if (own.op == Op::multiply) {
    for (const auto& [constant, other] : {std::pair(own.a, own.b), std::pair(own.b, own.a)}) {
      const Interval factor = range(constant);
      if (factor.fixed() && factor.low != 0) {
        const auto common = static_cast<std::int64_t>(
            std::gcd(magnitude(factor.low), static_cast<std::uint64_t>(modulus)));
        if (remainder % common != 0) return false;
        if (remainder == 0) return must_be_congruent(other, modulus / common, 0, depth + 1);
      }
    }
  }
  if (own.op == Op::add && range(own.b).fixed()) {
    const Int128 shifted = static_cast<Int128>(remainder) - range(own.b).low;
    return must_be_congruent(own.a, modulus,
                             static_cast<std::int64_t>(floor_modulo<Int128>(shifted, modulus)),
                             depth + 1);
  }
  // Otherwise only the ends of the interval move to the next congruent numbers.
  Interval wanted = own.range;
  if (wanted.low != kMinusInfinity && wanted.low != kInfinity) {
    wanted.low =
        saturate(static_cast<Int128>(wanted.low) +
                 floor_modulo<Int128>(static_cast<Int128>(remainder) - wanted.low, modulus));
  }
  if (wanted.high != kInfinity && wanted.high != kMinusInfinity) {
    wanted.high =
        saturate(static_cast<Int128>(wanted.high) -
                 floor_modulo<Int128>(static_cast<Int128>(wanted.high) - remainder, modulus));
  }
  return narrow(id, wanted);
}

bool Propagator::must_divide(std::int32_t id, std::int64_t number, int depth) {
  if (depth > kMostDepth) return true;
  const Gate& own = gate(id);
  const std::uint64_t size = magnitude(number);
  const auto divides = [size](std::int64_t v) { return v != 0 && size % magnitude(v) == 0; };
  if (is_variable(id)) {
    Domain domain = domains_[static_cast<std::size_t>(id)];
    if (domain.fixed()) return divides(domain.low);
    // Few values are tried one by one, unless the number has fewer divisors to try.
    const auto length = static_cast<std::uint64_t>(std::min<Uint128>(domain.size(), kScanned + 1));
    if (!domain.is_list() && length <= kScanned && length * length <= 4 * size) {
      domain.make_list(arena_);
    }
    if (domain.is_list()) {
      domain.filter(divides, arena_);
      return commit(id, domain);
    }
    const std::int64_t largest =
        std::max(domain.high, domain.low == kMinusInfinity ? kInfinity : -domain.low);
    const RecyclingVector<std::int64_t> positive = divisors(size, largest);
    RecyclingVector<std::int64_t> all;
    if (domain.low < 0) {
      for (auto d = positive.rbegin(); d != positive.rend(); ++d) all.push_back(-*d);
    }
    all.insert(all.end(), positive.begin(), positive.end());
    domain.restrict_to_list(all, arena_);
    return commit(id, domain);
  }
  if (own.op == Op::constant) return divides(own.value);
  if (own.op == Op::multiply) {
    for (const auto& [constant, other] : {std::pair(own.a, own.b), std::pair(own.b, own.a)}) {
      const Interval factor = range(constant);
      if (factor.fixed()) {
        if (!divides(factor.low)) return false;
        return must_divide(other, static_cast<std::int64_t>(size / magnitude(factor.low)),
                           depth + 1);
      }
    }
    return must_divide(own.a, number, depth + 1) && must_divide(own.b, number, depth + 1);
  }
  if (size > static_cast<std::uint64_t>(kInfinity)) return true;
  const auto bound = static_cast<std::int64_t>(size);
  return narrow(id, {own.range.low > 0 ? 1 : -bound, bound});
}

bool Propagator::must_divide_some(std::int32_t id, const RecyclingVector<std::int64_t>& numbers,
                                  int depth) {
  if (depth > kMostDepth) return true;
  const Gate& own = gate(id);
  if (own.op == Op::multiply && !is_variable(id)) {
    for (const auto& [constant, other] : {std::pair(own.a, own.b), std::pair(own.b, own.a)}) {
      const Interval factor = range(constant);
      if (!factor.fixed() || factor.low == 0) continue;
      RecyclingVector<std::int64_t> quotients;
      for (const std::int64_t n : numbers) {
        if (magnitude(n) % magnitude(factor.low) == 0) quotients.push_back(n / factor.low);
      }
      return must_divide_some(other, quotients, depth + 1);
    }
    return must_divide_some(own.a, numbers, depth + 1) &&
           must_divide_some(own.b, numbers, depth + 1);
  }
  if (!is_variable(id)) return true;
  Domain domain = domains_[static_cast<std::size_t>(id)];
  if (domain.is_list() || domain.low < 0 || domain.size() <= kLargeDomain) return true;
  RecyclingVector<std::int64_t> all;
  for (const std::int64_t n : numbers) {
    if (n == 0) return true;
    const RecyclingVector<std::int64_t> some = divisors(magnitude(n), domain.high);
    all.insert(all.end(), some.begin(), some.end());
    if (all.size() > (1U << 16)) return true;
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  domain.restrict_to_list(all, arena_);
  return commit(id, domain);
}

bool Propagator::value_set(std::int32_t id, RecyclingVector<std::int64_t>& values,
                           int depth) const {
  if (depth > kMostDepth) return false;
  const Gate& own = gate(id);
  if (is_variable(id)) {
    const Domain& domain = domains_[static_cast<std::size_t>(id)];
    if (domain.size() > kValueSet) return false;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(domain.size()); ++i) {
      values.push_back(domain.at(i));
    }
    return true;
  }
  if (own.op == Op::constant) {
    values.push_back(own.value);
    return true;
  }
  if (own.op == Op::power || own.op == Op::absolute || own.op == Op::negate) {
    RecyclingVector<std::int64_t> operand;
    if (!value_set(own.a, operand, depth + 1)) return false;
    for (const std::int64_t x : operand) {
      Int128 result = 0;
      const bool exact = own.op == Op::power
                             ? power_exact(x, own.value, result)
                             : apply_exact(own.op, x, 0, result) == Exactness::exact;
      if (!exact || saturate(result) != result) return false;
      values.push_back(static_cast<std::int64_t>(result));
    }
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return true;
  }
  const bool arithmetic =
      (own.op >= Op::add && own.op <= Op::modulo) || own.op == Op::minimum || own.op == Op::maximum;
  if (!arithmetic) return false;
  RecyclingVector<std::int64_t> left;
  RecyclingVector<std::int64_t> right;
  if (!value_set(own.a, left, depth + 1) || !value_set(own.b, right, depth + 1)) return false;
  if (left.size() * right.size() > kValueSet * 4) return false;
  for (const std::int64_t x : left) {
    for (const std::int64_t y : right) {
      Int128 result = 0;
      const Exactness exactness = apply_exact(own.op, x, y, result);
      if (exactness == Exactness::undefined) continue;
      if (exactness == Exactness::overflow || saturate(result) != result) return false;
      values.push_back(static_cast<std::int64_t>(result));
    }
  }
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values.size() <= kValueSet;
}

}  // namespace constrint::detail
