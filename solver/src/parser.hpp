// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "lexer.hpp"
#include "model_data.hpp"

namespace constrint::detail {

/// Recursive descent over one text, straight into a model. Throws ParseError.
class Parser {
 public:
  /// text_index: the place of the text in model.texts, which must hold `text` already.
  Parser(ModelData& model, std::int32_t text_index);

  void parse_all();

 private:
  /// A parsed part, with where it begins for messages about it. One number: two halves that are
  /// written one by one and read together would have to reach memory in between.
  class Part {
   public:
    Part() = default;
    Part(std::int32_t node, std::uint32_t begin)
        : both_(static_cast<std::uint64_t>(begin) << 32 | static_cast<std::uint32_t>(node)) {}
    [[nodiscard]] std::int32_t node() const { return static_cast<std::int32_t>(both_); }
    [[nodiscard]] std::uint32_t begin() const { return static_cast<std::uint32_t>(both_ >> 32); }

   private:
    std::uint64_t both_ = 0;
  };

  void parse_statement();
  bool parse_plain_statement();
  void parse_preference();
  void parse_objective(bool maximize);
  // Each goes on behind its leftmost part, which is parsed already.
  Part implication_from(Part left);  // ->
  Part disjunction_from(Part left);
  Part conjunction_from(Part left);
  Part comparison_from(Part first);  // chained comparisons and in
  Part sum_from(Part left);
  Part product_from(Part left);
  Part parse_condition();
  Part parse_conjunct();
  Part parse_sum();
  Part parse_operand();
  Part parse_unary();
  Part parse_power();
  Part parse_exponent_of(const Part& base);
  Part parse_primary();
  Part parse_function(Op op);
  Part parse_variable();
  std::int32_t parse_membership(const Part& left, bool negated);
  std::int32_t parse_list(const Part& left);
  std::int32_t parse_range(const Part& left);
  bool parse_plain_value(std::int64_t& value);
  std::int64_t parse_exponent();

  void advance() {
    last_end_ = token_.begin + token_.size;
    lexer_.next(token_);
  }
  bool accept(TokenKind kind) {
    if (token_.kind != kind) return false;
    advance();
    return true;
  }
  void expect(TokenKind kind, const char* expected) {
    if (!accept(kind)) fail(expected);
  }
  [[nodiscard]] bool is_condition_node(std::int32_t node) const {
    return is_condition(model_.nodes[static_cast<std::size_t>(node)].op);
  }
  void require_number(const Part& part) const {
    if (is_condition_node(part.node())) fail_condition(part);
  }
  void require_condition(const Part& part) const {
    if (!is_condition_node(part.node())) fail_number();
  }
  bool constant(std::int32_t node, std::int64_t& value) const;
  std::int32_t conjunction(std::int32_t a, std::int32_t b);

  [[noreturn]] void fail_condition(const Part& part) const;
  [[noreturn]] void fail_number() const;
  [[noreturn]] void fail(std::string_view expected) const;
  [[noreturn]] void fail_at(std::uint32_t begin, const std::string& message) const;
  [[nodiscard]] std::string describe_at(std::uint32_t begin) const;

  /// Counts nesting, so that no text can exhaust the stack.
  class Depth;

  ModelData& model_;
  std::int32_t text_index_;
  Lexer lexer_;
  Token token_;
  std::uint32_t last_end_ = 0;  // of the token before
  int depth_ = 0;
};

}  // namespace constrint::detail
