// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include "model_data.hpp"

namespace constrint::detail {

namespace {

// How tightly an operator binds; children that bind less tightly get parentheses.
enum Binding : int { kImplies, kOr, kAnd, kNot, kCompare, kSum, kProduct, kUnary, kPower, kLeaf };

struct Form {
  Binding binding;
  Binding left;   // what the first operand must bind at least as tightly as
  Binding right;  // and the second
  std::string_view symbol;
};

Form form_of(Op op) {
  switch (op) {
    case Op::negate:
      return {kUnary, kUnary, kUnary, "-"};
    case Op::add:
      return {kSum, kSum, kProduct, " + "};
    case Op::subtract:
      return {kSum, kSum, kProduct, " - "};
    case Op::multiply:
      return {kProduct, kProduct, kUnary, " * "};
    case Op::divide:
      return {kProduct, kProduct, kUnary, " / "};
    case Op::modulo:
      return {kProduct, kProduct, kUnary, " % "};
    case Op::power:
      return {kPower, kLeaf, kLeaf, " ^ "};
    case Op::minimum:
      return {kLeaf, kSum, kSum, "min("};
    case Op::maximum:
      return {kLeaf, kSum, kSum, "max("};
    case Op::absolute:
      return {kLeaf, kSum, kSum, "abs("};
    case Op::equal:
      return {kCompare, kSum, kSum, " == "};
    case Op::not_equal:
      return {kCompare, kSum, kSum, " != "};
    case Op::less:
      return {kCompare, kSum, kSum, " < "};
    case Op::less_equal:
      return {kCompare, kSum, kSum, " <= "};
    case Op::greater:
      return {kCompare, kSum, kSum, " > "};
    case Op::greater_equal:
      return {kCompare, kSum, kSum, " >= "};
    case Op::in_list:
    case Op::in_range:
      return {kCompare, kSum, kSum, " in "};
    case Op::logical_not:
      return {kNot, kNot, kNot, "not "};
    case Op::logical_and:
      return {kAnd, kAnd, kNot, " and "};
    case Op::logical_or:
      return {kOr, kOr, kAnd, " or "};
    case Op::implies:
      return {kImplies, kOr, kImplies, " -> "};
    default:
      return {kLeaf, kLeaf, kLeaf, ""};
  }
}

// Work still to be printed: a node, or a piece of text. A stack of them keeps deep expressions off
// the call stack.
struct Piece {
  std::int32_t node = -1;
  Binding binding = kImplies;
  std::string text;
};

std::string membership(const ModelData& model, const Node& node) {
  const std::int64_t* pool = model.pool.data() + node.b;
  if (node.op == Op::in_range) return std::to_string(pool[0]) + ".." + std::to_string(pool[1]);
  std::string result = "[";
  for (std::int64_t i = 0; i < node.value; ++i) {
    if (i > 0) result += ", ";
    result += std::to_string(pool[i]);
  }
  return result + "]";
}

void push_children(const ModelData& model, const Node& node, const Form& form,
                   std::vector<Piece>& stack) {
  switch (node.op) {
    case Op::negate:
    case Op::logical_not:
      stack.push_back({node.a, form.left, {}});
      break;
    case Op::absolute:
      stack.push_back({-1, kLeaf, ")"});
      stack.push_back({node.a, form.left, {}});
      break;
    case Op::minimum:
    case Op::maximum:
      stack.push_back({-1, kLeaf, ")"});
      stack.push_back({node.b, form.right, {}});
      stack.push_back({-1, kLeaf, ", "});
      stack.push_back({node.a, form.left, {}});
      break;
    case Op::in_list:
    case Op::in_range:
      stack.push_back({-1, kLeaf, " in " + membership(model, node)});
      stack.push_back({node.a, form.left, {}});
      break;
    case Op::power:
      stack.push_back({-1, kLeaf, " ^ " + std::to_string(node.value)});
      stack.push_back({node.a, form.left, {}});
      break;
    default:
      stack.push_back({node.b, form.right, {}});
      stack.push_back({-1, kLeaf, std::string(form.symbol)});
      stack.push_back({node.a, form.left, {}});
  }
}

}  // namespace

std::string print_expression(const ModelData& model, std::int32_t root) {
  std::string result;
  std::vector<Piece> stack;
  stack.push_back({root, kImplies, {}});
  while (!stack.empty()) {
    const Piece piece = std::move(stack.back());
    stack.pop_back();
    if (piece.node < 0) {
      result += piece.text;
      continue;
    }
    const Node& node = model.nodes[static_cast<std::size_t>(piece.node)];
    if (node.op == Op::variable) {
      result += model.name(static_cast<std::size_t>(node.a));
      continue;
    }
    if (node.op == Op::constant) {
      // A negative number binds like a unary minus: (-2) ^ x and a - -2 both read back.
      const bool parentheses = node.value < 0 && piece.binding > kUnary;
      result += parentheses ? "(" + std::to_string(node.value) + ")" : std::to_string(node.value);
      continue;
    }
    const Form form = form_of(node.op);
    if (form.binding < piece.binding) {
      result += '(';
      stack.push_back({-1, kLeaf, ")"});
    }
    if (node.op == Op::negate || node.op == Op::logical_not || node.op == Op::absolute ||
        node.op == Op::minimum || node.op == Op::maximum) {
      result += form.symbol;
    }
    push_children(model, node, form, stack);
  }
  return result;
}

}  // namespace constrint::detail
