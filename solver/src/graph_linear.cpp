// SPDX-License-Identifier: Apache-2.0
// Sums of products in a normal form: what is equal becomes one gate.
#include <algorithm>
#include <utility>

#include "arithmetic.hpp"
#include "graph.hpp"

namespace constrint::detail {

void Graph::scale(Linear& linear, Int128 factor) {
  bool overflow = __builtin_mul_overflow(linear.constant, factor, &linear.constant);
  for (Term& term : linear.terms) {
    overflow |= __builtin_mul_overflow(term.coefficient, factor, &term.coefficient);
  }
  if (overflow) exact_ = false;
  if (factor == 0) linear.terms.clear();
}

Graph::Linear Graph::sum(Linear a, const Linear& b, int sign) {
  if (__builtin_add_overflow(a.constant, b.constant * sign, &a.constant)) exact_ = false;
  for (const Term& term : b.terms) {
    // Long sums are left unmerged, which is only less compact.
    auto same = a.terms.size() > 64 ? a.terms.end()
                                    : std::ranges::find(a.terms, term.factors, &Term::factors);
    if (same == a.terms.end()) {
      a.terms.push_back({term.coefficient * sign, term.factors});
      continue;
    }
    if (__builtin_add_overflow(same->coefficient, term.coefficient * sign, &same->coefficient)) {
      exact_ = false;
    }
    if (same->coefficient == 0) a.terms.erase(same);
  }
  return a;
}

Graph::Linear Graph::product(Linear a, Linear b) {
  if (is_constant(a)) std::swap(a, b);
  if (is_constant(b)) {
    scale(a, b.constant);
    return a;
  }
  // A sum is one factor; a single term gives its factors.
  Term term;
  for (Linear* part : {&a, &b}) {
    if (part->terms.size() == 1 && part->constant == 0) {
      if (__builtin_mul_overflow(term.coefficient, part->terms[0].coefficient, &term.coefficient)) {
        exact_ = false;
      }
      term.factors.insert(term.factors.end(), part->terms[0].factors.begin(),
                          part->terms[0].factors.end());
    } else {
      term.factors.push_back(gate_of(*part));
    }
  }
  std::ranges::sort(term.factors, [this](auto x, auto y) { return before(x, y); });
  Linear result;
  result.terms.push_back(std::move(term));
  return result;
}

std::int32_t Graph::gate_of_term(const Term& term) {
  std::int32_t result = term.factors[0];
  for (std::size_t i = 1; i < term.factors.size(); ++i) {
    result = intern(Op::multiply, result, term.factors[i], 0);
  }
  return term.coefficient == 1 ? result
                               : intern(Op::multiply, result, constant(term.coefficient), 0);
}

std::int32_t Graph::gate_of(const Linear& linear) {
  if (linear.terms.empty()) return constant(linear.constant);
  ScratchVector<std::int32_t> parts;
  parts.reserve(linear.terms.size());
  for (const Term& term : linear.terms) parts.push_back(gate_of_term(term));
  std::ranges::sort(parts, [this](auto x, auto y) { return before(x, y); });
  std::int32_t result = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) result = intern(Op::add, result, parts[i], 0);
  return linear.constant == 0 ? result : intern(Op::add, result, constant(linear.constant), 0);
}

std::int32_t Graph::compare(Op op, Linear left, const Linear& right) {
  // All variables to the left, the constant to the right: sum op constant, divided by what all
  // coefficients share.
  Linear all = sum(std::move(left), right, -1);
  if (all.terms.empty()) {
    Int128 result = 0;
    apply_exact(op, all.constant, 0, result);
    return constant(result);
  }
  Int128 bound = -all.constant;
  all.constant = 0;
  Int128 common = 0;
  for (const Term& term : all.terms) common = common_divisor(common, term.coefficient);
  if (all.terms[0].coefficient < 0 && (op == Op::equal || op == Op::not_equal)) {
    scale(all, -1);
    bound = -bound;
  } else if (all.terms.size() == 1 && all.terms[0].coefficient < 0) {
    // -x < c is x > -c, which is not x <= -c.
    scale(all, -1);
    const Op flipped = op == Op::less ? Op::less_equal : Op::less;
    return intern(Op::logical_not, compare(flipped, std::move(all), Linear{-bound, {}}), 0, 0);
  }
  if (common > 1) {
    if (op == Op::equal || op == Op::not_equal) {
      if (bound % common != 0) return constant(op == Op::not_equal ? 1 : 0);
      bound /= common;
    } else if (op == Op::less) {
      bound = ceil_divide(bound, common);
    } else {
      bound = floor_divide(bound, common);
    }
    for (Term& term : all.terms) term.coefficient /= common;
  }
  if (op == Op::less) {
    op = Op::less_equal;
    bound -= 1;
  }
  return intern(op, gate_of(all), constant(bound), 0);
}

}  // namespace constrint::detail
