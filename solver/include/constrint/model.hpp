// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "constrint/expression.hpp"

namespace constrint {

/// The default domain of a variable that no statement gives one: 1 to 2^62.
inline constexpr std::int64_t kDefaultLow = 1;
inline constexpr std::int64_t kDefaultHigh = std::int64_t{1} << 62;

/// Which end of a variable's domain is tried first.
enum class Preference { smallest, largest };

/// Where a statement stands.
struct StatementInfo {
  std::string_view text_name;  ///< name of the text that holds it; empty if built in C++
  std::size_t line = 0;        ///< line of its first token, from 1; 0 if built in C++
  std::string text;            ///< the statement in the language, without the semicolon
};

/// Variables, statements, preferences and objectives. Building is for one thread; a model that is
/// no longer changed may be searched by any number of threads at once. Models can be moved (handles
/// stay valid) and copied.
class Model {
 public:
  Model();
  Model(const Model& other);
  Model(Model&&) noexcept;
  Model& operator=(const Model& other);
  Model& operator=(Model&&) noexcept;
  ~Model();

  /// Reads one text. Throws ParseError with the line, the column and what was expected.
  static Model parse(std::string_view text, std::string_view name = "text");

  /// Adds a text to the model; variables of the same name are the same variable. The text is
  /// copied. Throws ParseError; the model is then as it was before the call.
  void add_text(std::string_view text, std::string_view name = "text");

  /// The variable of this name, created if there is none. Throws InvalidArgument if the name is not
  /// an identifier (a letter or _, then letters, digits, _; no word of the language).
  Variable variable(std::string_view name);
  /// The same with a domain: low to high, or a list of values (an intersection if it has one
  /// already).
  Variable variable(std::string_view name, std::int64_t low, std::int64_t high);
  Variable variable(std::string_view name, std::span<const std::int64_t> values);
  Variable variable(std::string_view name, std::initializer_list<std::int64_t> values);
  /// The variable of this name, if there is one.
  [[nodiscard]] std::optional<Variable> find(std::string_view name) const;
  /// A constant as an expression.
  Expression constant(std::int64_t value);

  /// Adds a statement that must hold.
  void add(Condition condition);
  /// Adds a preference, less important than those before it.
  void prefer(Variable variable, Preference preference);
  /// Adds an objective, less important than those before it.
  void minimize(Expression expression);
  void maximize(Expression expression);

  [[nodiscard]] std::size_t variable_count() const;
  [[nodiscard]] std::string_view variable_name(std::size_t index) const;
  /// Statements that must hold (domains included), in order; preferences and objectives are not
  /// among them.
  [[nodiscard]] std::size_t statement_count() const;
  [[nodiscard]] StatementInfo statement(std::size_t index) const;
  [[nodiscard]] bool has_objective() const;

  /// The model in the language, one statement a line. Parsing it gives a model with the same
  /// variables in the same order, the same statements and the same solutions.
  [[nodiscard]] std::string str() const;

  /// Whether an assignment (one value per variable, in order of appearance) satisfies every
  /// statement, by exact arithmetic. Throws InvalidArgument if the number of values is wrong,
  /// LimitReached if an intermediate value needs more than 127 bits.
  [[nodiscard]] bool satisfied_by(std::span<const std::int64_t> values) const;

  /// For the solver's own files.
  [[nodiscard]] const detail::ModelData& data() const { return *data_; }

 private:
  std::unique_ptr<detail::ModelData> data_;
};

}  // namespace constrint
