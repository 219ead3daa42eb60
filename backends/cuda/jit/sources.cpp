// SPDX-License-Identifier: Apache-2.0
#include "sources.hpp"

#include <filesystem>
#include <set>
#include <sstream>

namespace flashrnn::cuda {
namespace {

class Joiner {
 public:
  explicit Joiner(const std::vector<Source>& sources) : sources_(sources) {}

  void add(const std::string& name, std::string_view text) {
    std::istringstream lines{std::string(text)};
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      const Source* const found = find(name, included_name(line));
      if (found != nullptr) {
        if (done_.insert(found->name).second) {
          out_ << "#line 1 \"" << found->name << "\"\n";
          add(found->name, found->text);
        }
        out_ << "#line " << number + 1 << " \"" << name << "\"\n";
      } else if (line == "#pragma once") {
        out_ << '\n';
      } else {
        out_ << line << '\n';
      }
    }
  }

  std::string text() const { return out_.str(); }

 private:
  /// What stands between the quotes of an include directive, or nothing.
  static std::string included_name(const std::string& line) {
    constexpr std::string_view directive = "#include \"";
    if (line.compare(0, directive.size(), directive) != 0) return {};
    const std::size_t end = line.find('"', directive.size());
    return end == std::string::npos ? std::string()
                                    : line.substr(directive.size(), end - directive.size());
  }

  const Source* find(const std::string& from, const std::string& name) const {
    if (name.empty()) return nullptr;
    const auto beside =
        (std::filesystem::path(from).parent_path() / name).lexically_normal().string();
    for (const std::string& candidate : {beside, name})
      for (const Source& source : sources_)
        if (source.name == candidate) return &source;
    return nullptr;
  }

  const std::vector<Source>& sources_;
  std::set<std::string> done_;
  std::ostringstream out_;
};

}  // namespace

std::string join_sources(std::string_view program, const std::vector<Source>& sources) {
  Joiner joiner(sources);
  joiner.add("program.cu", program);
  return joiner.text();
}

}  // namespace flashrnn::cuda
