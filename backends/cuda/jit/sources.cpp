// SPDX-License-Identifier: Apache-2.0
#include "sources.hpp"

#include <algorithm>
#include <filesystem>

namespace flashrnn::cuda {
namespace {

/// Where the next line begins that begins with '#'; npos if there is none.
std::size_t next_directive(std::string_view text, std::size_t from) {
  std::size_t at = text.find('#', from);
  while (at != std::string_view::npos && at > 0 && text[at - 1] != '\n')
    at = text.find('#', at + 1);
  return at;
}

/// What stands between the quotes of an include directive, or nothing.
std::string_view included_name(std::string_view line) {
  constexpr std::string_view directive = "#include \"";
  if (!line.starts_with(directive)) return {};
  const std::size_t end = line.find('"', directive.size());
  return end == std::string_view::npos ? std::string_view()
                                       : line.substr(directive.size(), end - directive.size());
}

/// `name` as the file `from` would find it beside itself.
std::string beside(std::string_view from, std::string_view name) {
  std::string path(from.substr(0, from.rfind('/') + 1));
  path += name;
  // Of paths that are in order already, which nearly all are, std::filesystem would make the same
  // in more time than the rest of an include takes.
  for (const char* const step : {"./", "/.", "//"})
    if (path.find(step) != std::string::npos)
      return (std::filesystem::path(from).parent_path() / name).lexically_normal().string();
  return path;
}

/// 130 to 190 KB per kernel: texts are appended in pieces as long as possible, and only lines that
/// begin with '#' are looked at.
class Joiner {
 public:
  explicit Joiner(const std::vector<Source>& sources) : sources_(sources), done_(sources.size()) {}

  std::string take_text() { return std::move(text_); }

  void add(std::string_view name, std::string_view text) {
    std::size_t written = 0, counted = 0;
    std::ptrdiff_t line = 1;  // of what begins at `counted`
    for (std::size_t at = next_directive(text, 0); at != std::string_view::npos;) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view directive = text.substr(at, end - at);
      const std::size_t found = find(name, included_name(directive));
      if (found < sources_.size() || directive == "#pragma once") {
        text_ += text.substr(written, at - written);
        written = std::min(end + 1, text.size());
        if (found < sources_.size()) {
          line += std::count(text.begin() + counted, text.begin() + at, '\n');
          counted = at;
          include(found);
          begin_line(line + 1, name);
        } else {
          text_ += '\n';
        }
      }
      at = next_directive(text, end);
    }
    if (written == text.size()) return;
    text_ += text.substr(written);
    if (text.back() != '\n') text_ += '\n';
  }

 private:
  void include(std::size_t n) {
    if (done_[n]) return;
    done_[n] = true;
    begin_line(1, sources_[n].name);
    add(sources_[n].name, sources_[n].text);
  }

  void begin_line(std::ptrdiff_t line, std::string_view name) {
    text_ += "#line " + std::to_string(line) + " \"";
    text_ += name;
    text_ += "\"\n";
  }

  /// The number of the source that `from` includes as `name`; how many there are if it is none.
  std::size_t find(std::string_view from, std::string_view name) const {
    if (name.empty()) return sources_.size();
    const std::size_t found = number_of(beside(from, name));
    return found < sources_.size() ? found : number_of(name);
  }
  std::size_t number_of(std::string_view name) const {
    const auto found = std::ranges::find(sources_, name, &Source::name);
    return static_cast<std::size_t>(found - sources_.begin());
  }

  const std::vector<Source>& sources_;
  std::vector<bool> done_;
  std::string text_;
};

}  // namespace

std::string join_sources(std::string_view program, const std::vector<Source>& sources) {
  Joiner joiner(sources);
  joiner.add("program.cu", program);
  return joiner.take_text();
}

}  // namespace flashrnn::cuda
