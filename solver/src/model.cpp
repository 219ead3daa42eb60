// SPDX-License-Identifier: Apache-2.0
#include "constrint/model.hpp"

#include <limits>
#include <optional>
#include <vector>

#include "constrint/error.hpp"
#include "exact.hpp"
#include "lexer.hpp"
#include "model_data.hpp"
#include "parser.hpp"

namespace constrint {

using detail::ModelData;

namespace {

void require_own(const ModelData* own, const ModelData* other) {
  if (own != other) {
    throw InvalidArgument("expected an expression of this model, found one of another model");
  }
}

bool is_identifier(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || !is_letter(name[0]) || detail::is_reserved(name)) return false;
  for (const char c : name) {
    if (!is_letter(c) && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

// Whether printing the statements alone would lose a variable or change the order of appearance.
bool needs_declarations(const ModelData& data) {
  std::vector<bool> seen(data.variables.size(), false);
  std::vector<std::int32_t> stack;
  std::vector<bool> visited(data.nodes.size(), false);
  std::size_t expected = 0;
  for (const detail::Statement& statement : data.statements) {
    stack.push_back(statement.root);
    while (!stack.empty()) {
      const auto at = static_cast<std::size_t>(stack.back());
      stack.pop_back();
      const detail::Node& node = data.nodes[at];
      if (node.op == detail::Op::variable) {
        const auto variable = static_cast<std::size_t>(node.a);
        if (!seen[variable] && variable != expected) return true;
        if (!seen[variable]) ++expected;
        seen[variable] = true;
      } else if (node.op != detail::Op::constant && !visited[at]) {
        visited[at] = true;
        if (detail::is_binary(node.op)) stack.push_back(node.b);
        stack.push_back(node.a);
      }
    }
  }
  return expected != data.variables.size();
}

}  // namespace

Model::Model() : data_(std::make_unique<ModelData>()) {}
Model::Model(const Model& other) : data_(std::make_unique<ModelData>(*other.data_)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(const Model& other) {
  if (this != &other) data_ = std::make_unique<ModelData>(*other.data_);
  return *this;
}
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Model Model::parse(std::string_view text, std::string_view name) {
  Model model;
  model.add_text(text, name);
  return model;
}

void Model::add_text(std::string_view text, std::string_view name) {
  if (text.size() >= std::numeric_limits<std::uint32_t>::max()) {
    throw InvalidArgument("expected a text of less than 4 GiB");
  }
  // Nothing to keep in an empty model, which is the common case and the one that must be fast.
  const bool fresh = data_->nodes.empty() && data_->texts.empty();
  std::optional<ModelData> backup;
  if (!fresh) backup = *data_;
  try {
    detail::Text& own = data_->texts.emplace_back();
    own.name = name;
    own.size = text.size();
    own.source.reserve(text.size() + detail::Lexer::kPadding);
    own.source.assign(text.begin(), text.end());
    own.source.insert(own.source.end(), detail::Lexer::kPadding, '\0');
    detail::Parser(*data_, static_cast<std::int32_t>(data_->texts.size() - 1)).parse_all();
  } catch (...) {
    *data_ = fresh ? ModelData() : std::move(*backup);
    throw;
  }
}

Variable Model::variable(std::string_view name) {
  if (!is_identifier(name)) {
    throw InvalidArgument("expected a name of letters, digits and _, found '" + std::string(name) +
                          "'");
  }
  const std::int32_t index = data_->intern(name);
  const auto place = static_cast<std::size_t>(index);
  return {data_.get(), data_->variables[place].node, place};
}

Variable Model::variable(std::string_view name, std::int64_t low, std::int64_t high) {
  if (low > high) {
    throw InvalidArgument("expected low <= high for " + std::string(name) + ", found " +
                          std::to_string(low) + " and " + std::to_string(high));
  }
  const Variable result = variable(name);
  // NOLINTNEXTLINE(cppcoreguidelines-slicing): a variable is an expression with a name besides
  add(between(result, low, high));
  return result;
}

Variable Model::variable(std::string_view name, std::span<const std::int64_t> values) {
  if (values.empty()) {
    throw InvalidArgument("expected at least one value for " + std::string(name) + ", found none");
  }
  const Variable result = variable(name);
  // NOLINTNEXTLINE(cppcoreguidelines-slicing)
  add(in(result, values));
  return result;
}

Variable Model::variable(std::string_view name, std::initializer_list<std::int64_t> values) {
  return variable(name, std::span<const std::int64_t>(values.begin(), values.size()));
}

std::optional<Variable> Model::find(std::string_view name) const {
  const std::int32_t index = data_->find(name);
  if (index < 0) return std::nullopt;
  const auto place = static_cast<std::size_t>(index);
  return Variable(data_.get(), data_->variables[place].node, place);
}

Expression Model::constant(std::int64_t value) {
  return {data_.get(), data_->add_constant(value)};
}

void Model::add(Condition condition) {
  require_own(data_.get(), condition.model());
  detail::Statement statement;
  statement.root = condition.node();
  data_->add_statement(statement);
}

void Model::prefer(Variable variable, Preference preference) {
  require_own(data_.get(), variable.model());
  data_->preferences.push_back({static_cast<std::int32_t>(variable.index()), preference});
}

void Model::minimize(Expression expression) {
  require_own(data_.get(), expression.model());
  data_->objectives.push_back({expression.node(), false});
}

void Model::maximize(Expression expression) {
  require_own(data_.get(), expression.model());
  data_->objectives.push_back({expression.node(), true});
}

std::size_t Model::variable_count() const {
  return data_->variables.size();
}
std::string_view Model::variable_name(std::size_t index) const {
  return data_->name(index);
}
std::size_t Model::statement_count() const {
  return data_->statements.size();
}
bool Model::has_objective() const {
  return !data_->objectives.empty();
}

StatementInfo Model::statement(std::size_t index) const {
  const detail::Statement& statement = data_->statements.at(index);
  StatementInfo info;
  info.line = statement.line;
  if (statement.text >= 0) {
    const detail::Text& text = data_->texts[static_cast<std::size_t>(statement.text)];
    info.text_name = text.name;
    info.text = text.text().substr(statement.begin, statement.end - statement.begin);
  } else {
    info.text = detail::print_expression(*data_, statement.root);
  }
  return info;
}

std::string Model::str() const {
  std::string result;
  // Statements alone keep the order of the variables only where every variable appears first in
  // them, in order.
  for (std::size_t i = 0; needs_declarations(*data_) && i < variable_count(); ++i) {
    const bool declared = data_->variables[i].declared;
    const auto low = declared ? std::numeric_limits<std::int64_t>::min() : kDefaultLow;
    const auto high = declared ? std::numeric_limits<std::int64_t>::max() : kDefaultHigh;
    result += std::string(variable_name(i)) + " in " + std::to_string(low) + ".." +
              std::to_string(high) + ";\n";
  }
  for (const detail::Statement& statement : data_->statements) {
    result += detail::print_expression(*data_, statement.root) + ";\n";
  }
  for (const detail::PreferenceData& entry : data_->preferences) {
    result += "prefer " + std::string(data_->name(static_cast<std::size_t>(entry.variable)));
    result += entry.preference == Preference::largest ? " largest;\n" : " smallest;\n";
  }
  for (const detail::Objective& objective : data_->objectives) {
    result += objective.maximize ? "maximize " : "minimize ";
    result += detail::print_expression(*data_, objective.root) + ";\n";
  }
  return result;
}

bool Model::satisfied_by(std::span<const std::int64_t> values) const {
  if (values.size() != variable_count()) {
    throw InvalidArgument("expected " + std::to_string(variable_count()) + " values, found " +
                          std::to_string(values.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool in_default = values[i] >= kDefaultLow && values[i] <= kDefaultHigh;
    if (!data_->variables[i].declared && !in_default) return false;
  }
  std::vector<detail::ExactValue> results;
  detail::evaluate_all(*data_, values, results);
  bool overflow = false;
  for (const detail::Statement& statement : data_->statements) {
    const detail::ExactValue& result = results[static_cast<std::size_t>(statement.root)];
    if (result.exactness == detail::Exactness::overflow) {
      overflow = true;
    } else if (result.exactness == detail::Exactness::undefined || result.value == 0) {
      return false;
    }
  }
  if (overflow) throw LimitReached("a value of this assignment needs more than 127 bits");
  return true;
}

}  // namespace constrint
