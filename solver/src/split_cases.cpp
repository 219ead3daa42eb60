// SPDX-License-Identifier: Apache-2.0
#include "split_cases.hpp"

#include <algorithm>
#include <vector>

namespace constrint::detail {

namespace {

constexpr std::size_t kMostChoices = 3;   // of a statement
constexpr std::size_t kMostNodes = 1000;  // of a statement with all its copies

bool is_choice(Op op) {
  return op == Op::minimum || op == Op::maximum || op == Op::absolute;
}

class Splitter {
 public:
  explicit Splitter(ModelData& model) : model_(model) {}

  bool run() {
    bool any = false;
    for (std::size_t s = 0; s < model_.statements.size(); ++s) {
      choices_.clear();
      visited_ = 0;
      possible_ = true;
      collect(model_.statements[s].root, false);
      if (!possible_ || choices_.empty()) continue;
      any = true;
      std::int32_t root = -1;
      for (taken_ = 0; taken_ >> choices_.size() == 0; ++taken_) {
        std::int32_t own = copy(model_.statements[s].root);
        for (std::size_t i = 0; i < choices_.size(); ++i) {
          own = model_.add_node(Op::logical_and, condition(i), own);
        }
        root = root < 0 ? own : model_.add_node(Op::logical_or, root, own);
      }
      model_.statements[s].root = root;
      model_.statements[s].first = -1;
    }
    return any;
  }

 private:
  [[nodiscard]] Node node(std::int32_t id) const {
    return model_.nodes[static_cast<std::size_t>(id)];
  }

  // The statement's choices. None may be in a divisor: those of all cases would have to differ from
  // zero then.
  // NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows, and kMostNodes long
  void collect(std::int32_t id, bool in_divisor) {
    if (++visited_ > kMostNodes >> kMostChoices) possible_ = false;
    const Node own = node(id);
    if (!possible_ || is_leaf(own.op)) return;
    if (is_choice(own.op)) {
      possible_ = !in_divisor && choices_.size() < kMostChoices;
      if (std::ranges::find(choices_, id) == choices_.end()) choices_.push_back(id);
    }
    const bool divides = own.op == Op::divide || own.op == Op::modulo;
    collect(own.a, in_divisor);
    if (is_binary(own.op)) collect(own.b, in_divisor || divides);
  }

  [[nodiscard]] bool first_taken(std::size_t choice) const { return (taken_ >> choice & 1) == 0; }

  // A copy with the values of the choices in work.
  // NOLINTNEXTLINE(misc-no-recursion)
  std::int32_t copy(std::int32_t id) {
    Node own = node(id);
    if (is_leaf(own.op)) return id;
    const auto found = std::ranges::find(choices_, id);
    if (found != choices_.end()) {
      const bool first = first_taken(static_cast<std::size_t>(found - choices_.begin()));
      if (own.op != Op::absolute) return copy(first ? own.a : own.b);
      const std::int32_t value = copy(own.a);
      return first ? value : model_.add_node(Op::negate, value);
    }
    own.a = copy(own.a);
    if (is_binary(own.op)) own.b = copy(own.b);
    return model_.add_node(own.op, own.a, own.b, own.value);
  }

  // That the choice in work is right.
  std::int32_t condition(std::size_t choice) {
    const Node own = node(choices_[choice]);
    const bool first = first_taken(choice);
    const std::int32_t a = copy(own.a);
    const std::int32_t b = own.op == Op::absolute ? model_.add_constant(0) : copy(own.b);
    if (own.op == Op::minimum) return model_.add_node(first ? Op::less_equal : Op::greater, a, b);
    return model_.add_node(first ? Op::greater_equal : Op::less, a, b);
  }

  ModelData& model_;
  std::vector<std::int32_t> choices_;  // nodes
  std::size_t visited_ = 0;
  std::size_t taken_ = 0;  // bit by choice: its second value is taken
  bool possible_ = true;
};

}  // namespace

bool split_cases(ModelData& model) {
  return Splitter(model).run();
}

}  // namespace constrint::detail
