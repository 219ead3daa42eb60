// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "nest.hpp"

namespace loops {
namespace {

using oracle::Expr;
using oracle::Op;

class Writer {
 public:
  Writer(const Nest& nest, const std::string& function) : nest_(nest), function_(function) {}

  std::string source() {
    out_ << "#include <cstddef>\n#include <cstdint>\n#include <algorithm>\n#include <cstdlib>\n\n"
         << "namespace {\nusing Int = " << (nest_.fits_int ? "int" : "std::int64_t") << ";\n"
         << "[[maybe_unused]] Int floor_divide(Int a, Int b) {\n"
         << "  return a / b - (a % b != 0 && (a < 0) != (b < 0));\n}\n"
         << "[[maybe_unused]] Int floor_modulo(Int a, Int b) { return a - floor_divide(a, b) * b; "
            "}\n"
         << "std::size_t list(std::int64_t* rows) {\n"
         << "  std::int64_t* row = rows;\n";
    for (const Expr& test : nest_.always) line("if (!(" + text(test) + ")) return 0;");
    for (const Level& level : nest_.levels) open(level);
    for (std::size_t i = 0; i < nest_.names.size(); ++i) {
      line("row[" + std::to_string(i) + "] = " + nest_.names[i] + ";");
    }
    line("row += " + std::to_string(nest_.names.size()) + ";");
    while (depth_ > 1) {
      --depth_;
      line("}");
    }
    line("return static_cast<std::size_t>(row - rows) / " + std::to_string(nest_.names.size()) +
         ";");
    out_ << "}\n}  // namespace\n\n"
         << "extern std::size_t (*const " << function_ << ")(std::int64_t*);\n"
         << "std::size_t (*const " << function_ << ")(std::int64_t*) = list;\n";
    return out_.str();
  }

 private:
  void line(const std::string& text) { out_ << std::string(2 * depth_, ' ') << text << '\n'; }

  void open(const Level& level) {
    const std::string& name = nest_.names[level.variable];
    const bool one_value = level.definition || (!level.is_range && level.values.size() == 1);
    if (one_value) {
      const auto guard = level.definition ? guards(level.definition) : std::string();
      if (!guard.empty()) {
        line("if (" + guard.substr(0, guard.size() - 4) + ") {");
        ++depth_;
      }
      line("const Int " + name + " = " +
           (level.definition ? text(level.definition) : std::to_string(level.values[0])) + ";");
    } else if (level.is_range) {
      line("for (Int " + name + " = " + std::to_string(level.low) + "; " + name +
           " <= " + std::to_string(level.high) + "; " +
           (level.step == 1 ? "++" + name : name + " += " + std::to_string(level.step)) + ") {");
      ++depth_;
    } else {
      std::string list;
      for (const std::int64_t value : level.values)
        list += (list.empty() ? "" : ", ") + std::to_string(value);
      line("static constexpr Int values_of_" + name + "[] = {" + list + "};");
      line("for (const Int " + name + " : values_of_" + name + ") {");
      ++depth_;
    }
    for (const Expr& test : level.tests) {
      if (one_value) {
        line("if (" + guarded(test) + ") {");
        ++depth_;
      } else {
        line("if (!(" + guarded(test) + ")) continue;");
      }
    }
  }

  Bounds bounds(const Expr& expression) const {
    Bounds extremes{};
    return bounds_of(expression, nest_.bounds, extremes);
  }

  // "b != 0 && " for every divisor that can be zero.
  std::string guards(const Expr& expression) const {
    std::string result;
    for (const Expr& operand : expression->operands) result += guards(operand);
    if ((expression->op == Op::divide || expression->op == Op::modulo) &&
        bounds(expression->operands[1]).contains(0)) {
      result += text(expression->operands[1]) + " != 0 && ";
    }
    return result;
  }

  std::string guarded(const Expr& test) const { return guards(test) + text(test); }

  std::string text(const Expr& expression) const {
    const oracle::Node& node = *expression;
    const auto in = [&](std::size_t i) { return text(node.operands[i]); };
    const auto joined = [&](const char* sign) {
      std::string result = "(" + in(0);
      for (std::size_t i = 1; i < node.operands.size(); ++i) result += sign + in(i);
      return result + ")";
    };
    const auto call = [&](const std::string& name) {
      std::string result = in(0);
      for (std::size_t i = 1; i < node.operands.size(); ++i)
        result.insert(0, name + "<Int>(").append(", ").append(in(i)).append(")");
      return result;
    };
    switch (node.op) {
      case Op::number:
        return std::to_string(node.value);
      case Op::variable:
        return nest_.names[node.variable];
      case Op::negate:
        return "(-" + in(0) + ")";
      case Op::add:
        return joined(" + ");
      case Op::subtract:
        return joined(" - ");
      case Op::multiply:
        return joined(" * ");
      case Op::divide:
      case Op::modulo: {
        // Where no operand is negative, the machine's division is the language's.
        const bool plain = bounds(node.operands[0]).low >= 0 && bounds(node.operands[1]).low >= 0;
        if (plain) return joined(node.op == Op::divide ? " / " : " % ");
        return (node.op == Op::divide ? "floor_divide(" : "floor_modulo(") + in(0) + ", " + in(1) +
               ")";
      }
      case Op::power: {
        std::string result = "1";
        for (Wide i = 0; i < bounds(node.operands[1]).high; ++i) result += " * " + in(0);
        return "(" + result + ")";
      }
      case Op::minimum:
        return call("std::min");
      case Op::maximum:
        return call("std::max");
      case Op::absolute:
        return "std::abs(" + in(0) + ")";
      case Op::negation:
        return "!" + in(0);
      case Op::conjunction:
        return joined(" && ");
      case Op::disjunction:
        return joined(" || ");
      case Op::implication:
        return "(!" + in(0) + " || " + in(1) + ")";
      case Op::chain:
        return chain_text(node);
    }
    return {};
  }

  std::string chain_text(const oracle::Node& node) const {
    static constexpr const char* signs[] = {" == ", " != ", " < ", " <= ", " > ", " >= "};
    std::string result;
    for (std::size_t i = 0; i < node.compare.size(); ++i) {
      result += (i == 0 ? "" : " && ") + text(node.operands[i]) +
                signs[static_cast<std::size_t>(node.compare[i])] + text(node.operands[i + 1]);
    }
    return "(" + result + ")";
  }

  const Nest& nest_;
  const std::string function_;
  std::ostringstream out_;
  std::size_t depth_ = 1;
};

}  // namespace

std::string source_of(const Nest& nest, const std::string& function) {
  return Writer(nest, function).source();
}

}  // namespace loops
