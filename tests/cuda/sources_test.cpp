// SPDX-License-Identifier: Apache-2.0
// How programs are joined from their files.
#include "jit/sources.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace flashrnn::cuda {
namespace {

TEST(JoinSources, IncludesBecomeTextsWithTheLinesThatMessagesName) {
  const std::vector<Source> sources = {{"a.hpp", "#pragma once\n\n#include \"b.hpp\"\nint a;\n"},
                                       {"b.hpp", "int b;\n"}};
  EXPECT_EQ(join_sources("// first\n#include \"a.hpp\"\nint c;\n", sources),
            "// first\n"
            "#line 1 \"a.hpp\"\n"
            "\n"
            "\n"
            "#line 1 \"b.hpp\"\n"
            "int b;\n"
            "#line 4 \"a.hpp\"\n"
            "int a;\n"
            "#line 3 \"program.cu\"\n"
            "int c;\n");
}

TEST(JoinSources, AFileComesOnce) {
  // b is there when a asks for it again, and the second a is empty; they even include each other.
  const std::vector<Source> sources = {{"a.hpp", "#include \"b.hpp\"\nint a;\n"},
                                       {"b.hpp", "#include \"a.hpp\"\nint b;\n"}};
  EXPECT_EQ(join_sources("#include \"b.hpp\"\n#include \"a.hpp\"\n#include \"b.hpp\"\n", sources),
            "#line 1 \"b.hpp\"\n"
            "#line 1 \"a.hpp\"\n"
            "#line 2 \"a.hpp\"\n"
            "int a;\n"
            "#line 2 \"b.hpp\"\n"
            "int b;\n"
            "#line 2 \"program.cu\"\n"
            "#line 3 \"program.cu\"\n"
            "#line 4 \"program.cu\"\n");
}

TEST(JoinSources, LinesAreCountedThroughSeveralIncludes) {
  const std::vector<Source> sources = {{"a.hpp", "int a;\n"}};
  EXPECT_EQ(join_sources("1\n2\n#include \"a.hpp\"\n4\n#pragma once\n6\n#include \"a.hpp\"\n8\n",
                         sources),
            "1\n2\n#line 1 \"a.hpp\"\nint a;\n#line 4 \"program.cu\"\n"
            "4\n\n6\n#line 8 \"program.cu\"\n8\n");
}

TEST(JoinSources, TheFileBesideComesFirst) {
  const std::vector<Source> sources = {
      {"a.hpp", "int outer;\n"},
      {"in/a.hpp", "int inner;\n"},
      {"in/b.hpp", "#include \"a.hpp\"\n"},
      {"in/c.hpp", "#include \"../a.hpp\"\n#include \"./b.hpp\"\n"},
      {"in/deep/d.hpp", "#include \"in/b.hpp\"\n#include \"../../a.hpp\"\n"}};
  const auto has = [&](const std::string& name, const std::string& what) {
    return join_sources("#include \"" + name + "\"\n", sources).find(what) != std::string::npos;
  };
  EXPECT_TRUE(has("in/b.hpp", "int inner;"));
  EXPECT_FALSE(has("in/b.hpp", "int outer;"));
  EXPECT_TRUE(has("in/c.hpp", "int outer;"));
  EXPECT_TRUE(has("in/c.hpp", "#line 1 \"in/b.hpp\""));
  EXPECT_TRUE(has("in/deep/d.hpp", "int inner;")) << "by its full name";
  EXPECT_TRUE(has("in/deep/d.hpp", "int outer;"));
  const std::vector<Source> absolute = {{"/users/cell.hpp", "#include \"types.hpp\"\n"},
                                        {"types.hpp", "int t;\n"}};
  EXPECT_NE(join_sources("#include \"/users/cell.hpp\"\n", absolute).find("int t;"),
            std::string::npos);
}

TEST(JoinSources, EverythingElseStaysAsItIs) {
  const std::vector<Source> sources = {{"a.hpp", "int a;\n"}};
  for (const std::string text :
       {"", "\n", "int x;\n", "#include \"unknown.hpp\"\n", "#include <a.hpp>\n",
        " #include \"a.hpp\"\n", "#include \"a.hpp\n", "#include \"\"\n", "// #include \"a.hpp\"\n",
        "#pragma once \n", "#if 1\n#define A(x) #x\n#endif\n", "#\n##\n\n"})
    EXPECT_EQ(join_sources(text, sources), text);
}

TEST(JoinSources, ALineWithoutItsEndGetsOne) {
  const std::vector<Source> sources = {{"a.hpp", "int a;"}, {"empty.hpp", ""}};
  EXPECT_EQ(join_sources("int x;", sources), "int x;\n");
  EXPECT_EQ(join_sources("#pragma once", sources), "\n");
  EXPECT_EQ(join_sources("#include \"unknown.hpp\"", sources), "#include \"unknown.hpp\"\n");
  EXPECT_EQ(join_sources("#include \"a.hpp\"", sources),
            "#line 1 \"a.hpp\"\nint a;\n#line 2 \"program.cu\"\n");
  EXPECT_EQ(join_sources("#include \"empty.hpp\"", sources),
            "#line 1 \"empty.hpp\"\n#line 2 \"program.cu\"\n");
}

TEST(JoinSources, NothingOfTheKernelsIsLeftToTheCompiler) {
  const std::vector<Source>& sources = embedded_sources();
  ASSERT_FALSE(sources.empty());
  for (const Source& source : sources) {
    const std::string text =
        join_sources("#include \"" + std::string(source.name) + "\"\n", sources);
    EXPECT_EQ(text.find("\n#include \""), std::string::npos) << source.name;
    EXPECT_EQ(text.find("\n#pragma once"), std::string::npos) << source.name;
    EXPECT_GE(text.size(), source.text.size());
    for (const Source& other : sources) {
      const std::string begin = "#line 1 \"" + std::string(other.name) + "\"\n";
      const std::size_t at = text.find(begin);
      if (at == std::string::npos) continue;
      EXPECT_EQ(text.find(begin, at + 1), std::string::npos) << other.name << " comes twice";
    }
  }
}

}  // namespace
}  // namespace flashrnn::cuda
