// SPDX-License-Identifier: Apache-2.0
// The cache of machine code, with a compiler that counts its calls.
#include "jit/cubin_cache.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <chrono>
#include <fstream>
#include <set>

#include "flashrnn/error.hpp"
#include "jit/compiler_record.hpp"
#include "jit/hash.hpp"

namespace flashrnn::cuda {
namespace {

namespace fs = std::filesystem;

class CountingCompiler final : public Compiler {
 public:
  explicit CountingCompiler(std::string identity = "test 1", fs::path file = {})
      : identity_(std::move(identity)), file_(std::move(file)) {}
  std::string identity() const override {
    ++asked;
    return identity_;
  }
  fs::path file() const override { return file_; }
  Compiled compile(const std::string& program, const std::vector<std::string>&) const override {
    ++calls;
    if (program == "wrong") return {false, "", "line 1: wrong"};
    return {true, "machine code of " + program + std::string(100000, 'x'), ""};
  }
  mutable int calls = 0;  ///< of compile()
  mutable int asked = 0;  ///< for the identity

 private:
  std::string identity_;
  fs::path file_;
};

/// A folder that is gone after the test.
class CubinCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "flashrnn_cache_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }
  fs::path only_file() const {
    fs::path found;
    int files = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
      found = entry.path();
      ++files;
    }
    EXPECT_EQ(files, 1);
    return found;
  }
  fs::path folder;
};

const std::vector<std::string> some_options = {"--a", "--b"};

TEST_F(CubinCacheTest, CompilesOnce) {
  const CountingCompiler compiler;
  const Cubin first = CubinCache(folder).get(compiler, "program", some_options);
  EXPECT_EQ(first.origin, CubinOrigin::compiled);
  const Cubin second = CubinCache(folder).get(compiler, "program", some_options);
  EXPECT_EQ(second.origin, CubinOrigin::cache);
  EXPECT_EQ(compiler.calls, 1);
  EXPECT_EQ(first.code, second.code);
  EXPECT_EQ(first.key, second.key);
}

TEST_F(CubinCacheTest, EverythingThatChangesTheCodeChangesTheKey) {
  const CubinCache cache(folder);
  const CountingCompiler compiler, newer("test 2");
  const std::string key = cache.get(compiler, "program", some_options).key;
  EXPECT_NE(cache.get(newer, "program", some_options).key, key);
  EXPECT_NE(cache.get(compiler, "program ", some_options).key, key);
  EXPECT_NE(cache.get(compiler, "program", {"--a"}).key, key);
  EXPECT_NE(cache.get(compiler, "program", {"--b", "--a"}).key, key);
}

TEST_F(CubinCacheTest, AKeyThatIsKnownIsNotComputedAgain) {
  const CountingCompiler compiler;
  const std::string key = program_key("program", some_options);
  const std::vector<EmbeddedCubin> embedded = {{key, "code"}};
  EXPECT_EQ(CubinCache(folder, embedded).embedded(key), "code");
  EXPECT_EQ(CubinCache(folder, embedded).embedded(program_key("another", some_options)), "");
  const CubinCache cache(folder);
  EXPECT_EQ(cache.embedded(key), "");
  EXPECT_EQ(cache.get_other(compiler, "program", some_options, key).origin, CubinOrigin::compiled);
  EXPECT_EQ(cache.get(compiler, "program", some_options).origin, CubinOrigin::cache);
}

/// Compilers in files, and the record of them.
class CompilerRecordTest : public CubinCacheTest {
 protected:
  void SetUp() override {
    CubinCacheTest::SetUp();
    cached = folder / "cache";
    file = folder / "compiler.so";
    write(file, "version 1");
  }
  static void write(const fs::path& where, const std::string& text) {
    std::ofstream(where, std::ios::binary) << text;
  }
  fs::path cached, file;
};

TEST_F(CompilerRecordTest, WhatIsCachedDoesNotAskTheCompiler) {
  const CountingCompiler first("test 1", file), second("test 1", file);
  EXPECT_EQ(CubinCache(cached).get(first, "program", some_options).origin, CubinOrigin::compiled);
  EXPECT_EQ(CubinCache(cached).get(second, "program", some_options).origin, CubinOrigin::cache);
  EXPECT_EQ(second.asked, 0);
}

TEST_F(CompilerRecordTest, ACompilerThatWasReplacedIsAsked) {
  const CountingCompiler old("test 1", file), same("test 1", file), newer("test 2", file);
  const std::string key = CubinCache(cached).get(old, "program", some_options).key;
  // Another file of the same compiler: asked once more, then known.
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(1));
  EXPECT_EQ(CubinCache(cached).get(same, "program", some_options).origin, CubinOrigin::cache);
  EXPECT_GT(same.asked, 0);
  same.asked = 0;
  EXPECT_EQ(CubinCache(cached).get(same, "program", some_options).origin, CubinOrigin::cache);
  EXPECT_EQ(same.asked, 0);
  write(file, "version 2, longer");
  const Cubin now = CubinCache(cached).get(newer, "program", some_options);
  EXPECT_EQ(now.origin, CubinOrigin::compiled);
  EXPECT_NE(now.key, key);
}

TEST_F(CompilerRecordTest, WhoCompilesIsNotTakenForWhoIsRemembered) {
  const CountingCompiler here("test 1", file);
  const std::string key = CubinCache(cached).get(here, "program", some_options).key;
  // Another compiler in another file; the remembered one is still there.
  write(folder / "other.so", "version 2");
  const CountingCompiler other("test 2", folder / "other.so");
  EXPECT_EQ(CubinCache(cached).get(other, "program", some_options).key, key);
  EXPECT_EQ(other.calls, 0);
  const Cubin more = CubinCache(cached).get(other, "more", some_options);
  EXPECT_EQ(more.origin, CubinOrigin::compiled);
  // Now the other one is remembered, and what it made is found under its name.
  EXPECT_EQ(CubinCache(cached).get(other, "more", some_options).key, more.key);
  EXPECT_EQ(CubinCache(cached).get(here, "more", some_options).key, more.key);
  fs::remove(folder / "other.so");
  EXPECT_NE(CubinCache(cached).get(here, "more", some_options).key, more.key);
}

TEST_F(CompilerRecordTest, ADamagedRecordIsReplaced) {
  const CountingCompiler compiler("test 1", file);
  CubinCache(cached).get(compiler, "program", some_options);
  std::ifstream record(cached / "compiler");
  const std::string whole(std::istreambuf_iterator<char>(record), {});
  for (const std::size_t length : {0, 10, 25, static_cast<int>(whole.size()) - 2}) {
    write(cached / "compiler", whole.substr(0, length));
    EXPECT_EQ(CubinCache(cached).get(compiler, "program", some_options).origin, CubinOrigin::cache)
        << length;
    compiler.asked = 0;
    CubinCache(cached).get(compiler, "program", some_options);
    EXPECT_EQ(compiler.asked, 0) << length;
  }
}

TEST_F(CompilerRecordTest, NvrtcIsRememberedByItsFile) {
  ASSERT_TRUE(fs::is_regular_file(nvrtc().file())) << nvrtc().file();
  remember_compiler(nvrtc(), cached);
  // Who asks with another compiler hears of NVRTC, whose file is as it was.
  const CountingCompiler other("test 1", file);
  EXPECT_EQ(known_identity(other, cached), nvrtc().identity());
  EXPECT_EQ(other.asked, 0);
}

/// A text of the size of a program.
std::string long_text() {
  std::string text;
  while (text.size() < 150'000) text += "line " + std::to_string(text.size()) + ";\n";
  return text;
}

TEST(ProgramKey, EveryByteCounts) {
  std::set<std::string> keys;
  std::string text = long_text();
  std::size_t texts = 0;
  const auto add = [&](const std::string& changed) {
    keys.insert(program_key(changed, some_options));
    ++texts;
  };
  add(text);
  // Primes, so that all places of a block and both halves of the text have their turn.
  for (std::size_t at = 0; at < text.size(); at += 997) {
    for (const unsigned bit : {0u, 3u, 7u}) {
      text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ 1u << bit);
      add(text);
      text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ 1u << bit);
    }
  }
  for (std::size_t at = text.size() - 100; at < text.size(); ++at) {
    text[at] ^= 1;
    add(text);
    text[at] ^= 1;
  }
  EXPECT_EQ(keys.size(), texts);
}

TEST(ProgramKey, LengthAndOrderCount) {
  std::set<std::string> keys;
  std::size_t texts = 0;
  for (std::size_t size = 0; size < 300; ++size, ++texts)
    keys.insert(program_key(std::string(size, '\0'), some_options));
  // Blocks of 16 and 32 bytes that change places.
  std::string blocks;
  for (char block = 'a'; block < 'i'; ++block) blocks += std::string(16, block);
  keys.insert(program_key(blocks, some_options));
  ++texts;
  for (std::size_t a = 0; a < 8; ++a) {
    for (std::size_t b = a + 1; b < 8; ++b, ++texts) {
      std::string swapped = blocks;
      std::swap_ranges(&swapped[16 * a], &swapped[16 * a] + 16, &swapped[16 * b]);
      keys.insert(program_key(swapped, some_options));
    }
  }
  // What is moved from the options to the program.
  keys.insert(program_key("b\nc", {"a"}));
  keys.insert(program_key("c", {"a", "b"}));
  keys.insert(program_key("a\nb\nc", {}));
  texts += 3;
  EXPECT_EQ(keys.size(), texts);
}

TEST(ProgramKey, EverySourceCounts) {
  const Program program{"lines\n", {{"a", "text a"}, {"b", "text b", "digest"}}, "kernel"};
  std::set<std::string> keys = {program_key(program, some_options)};
  const auto changed = [&](const auto& change) {
    Program other = program;
    change(other);
    keys.insert(program_key(other, some_options));
  };
  changed([](Program& p) { p.lines += ' '; });
  changed([](Program& p) { p.sources[0].name = "c"; });
  changed([](Program& p) { p.sources[0].text = "text c"; });
  changed([](Program& p) { p.sources[1].digest = "another"; });
  changed([](Program& p) { p.sources.pop_back(); });
  changed([](Program& p) { p.sources.push_back({"c", "text c"}); });
  // A letter that goes from one to the next.
  changed([](Program& p) { p.sources[0] = {"at", "ext a"}; });
  keys.insert(program_key(program, {"--a"}));
  EXPECT_EQ(keys.size(), 9u);
  // Where there is a digest, nobody reads the text.
  Program other = program;
  other.sources[1].text = "text c";
  EXPECT_EQ(program_key(other, some_options), program_key(program, some_options));
}

TEST(ProgramKey, EmbeddedSourcesHaveDigestsOfTheirOwn) {
  std::set<std::string_view> digests;
  for (const Source& source : embedded_sources()) {
    EXPECT_EQ(source.digest.size(), 64u) << source.name;  // SHA-256
    digests.insert(source.digest);
  }
  EXPECT_EQ(digests.size(), embedded_sources().size());
}

TEST(ProgramKey, PiecesOfATextDoNotCount) {
  const std::string text = long_text().substr(0, 500);
  for (std::size_t first = 0; first <= 100; ++first) {
    for (std::size_t second = 0; second <= 100; ++second) {
      Hasher hasher;
      hasher.add(text.substr(0, first));
      hasher.add(text.substr(first, second));
      hasher.add(text.substr(first + second));
      EXPECT_EQ(hexadecimal(hasher.finish()), hexadecimal(hash(text))) << first << ' ' << second;
    }
  }
}

TEST(ProgramKey, EveryBitReachesAllBits) {
  // A changed bit of the text changes each bit of a good hash with a probability of one half: 64 on
  // average, with a deviation of 5.7, so that 30 or fewer do not happen by chance.
  const auto changed_bits = [](Hash a, Hash b) {
    const Hash both = a ^ b;
    return std::popcount(static_cast<std::uint64_t>(both)) +
           std::popcount(static_cast<std::uint64_t>(both >> 64));
  };
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{16}, std::size_t{32}, std::size_t{77}, std::size_t{3000}}) {
    std::string text = long_text().substr(0, size);
    const Hash before = hash(text);
    int sum = 0, count = 0;
    for (std::size_t at = 0; at < size; ++at) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ 1u << bit);
        const int changed = changed_bits(before, hash(text));
        text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ 1u << bit);
        EXPECT_GT(changed, 30) << size << " bytes, byte " << at << ", bit " << bit;
        sum += changed;
        ++count;
      }
    }
    EXPECT_NEAR(static_cast<double>(sum) / count, 64, 6) << size << " bytes";
  }
}

TEST_F(CubinCacheTest, EmbeddedCodeNeedsNoCompilerAndNoFolder) {
  const CountingCompiler compiler;
  const std::string key = program_key("program", some_options);
  const std::vector<EmbeddedCubin> embedded = {{"", "first"}, {key, "code"}, {"~", "last"}};
  const CubinCache cache(folder, embedded);
  const Cubin found = cache.get(compiler, "program", some_options);
  EXPECT_EQ(found.origin, CubinOrigin::embedded);
  EXPECT_EQ(found.code, "code");
  EXPECT_EQ(compiler.calls, 0);
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_EQ(cache.get(compiler, "another", some_options).origin, CubinOrigin::compiled);
  EXPECT_EQ(cache.get(compiler, "program", {"--a"}).origin, CubinOrigin::compiled);
}

TEST_F(CubinCacheTest, DamagedFilesAreReplaced) {
  const CubinCache cache(folder);
  const CountingCompiler compiler;
  const std::string code = cache.get(compiler, "program", some_options).code;
  const fs::path file = only_file();
  const auto size = fs::file_size(file);
  int calls = 1;
  const auto expect_replaced = [&](const char* what) {
    const Cubin again = cache.get(compiler, "program", some_options);
    EXPECT_EQ(again.code, code) << what;
    EXPECT_EQ(again.origin, CubinOrigin::compiled) << what;
    EXPECT_EQ(compiler.calls, ++calls) << what;
    EXPECT_EQ(cache.get(compiler, "program", some_options).origin, CubinOrigin::cache) << what;
    only_file();
  };
  fs::resize_file(file, size - 1);
  expect_replaced("the last byte is missing");
  fs::resize_file(file, 20);
  expect_replaced("only the beginning is there");
  fs::resize_file(file, 0);
  expect_replaced("empty");
  std::ofstream(file) << "something else";
  expect_replaced("a foreign file");
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(size / 2))
      .put('y');
  expect_replaced("one byte is another");
}

TEST_F(CubinCacheTest, AFolderThatCannotBeWrittenCostsTheCachingAlone) {
  const fs::path file = folder / "file";
  std::ofstream(file) << "no folder";
  const CountingCompiler compiler;
  const CubinCache cache(file / "below");
  EXPECT_EQ(cache.get(compiler, "program", some_options).code,
            cache.get(compiler, "program", some_options).code);
  EXPECT_EQ(compiler.calls, 2);
  EXPECT_EQ(CubinCache({}).get(compiler, "program", some_options).origin, CubinOrigin::compiled);
}

TEST_F(CubinCacheTest, WhatDoesNotCompileIsReportedAndNotKept) {
  const CountingCompiler compiler;
  try {
    CubinCache(folder).get(compiler, "wrong", some_options);
    ADD_FAILURE() << "no error";
  } catch (const InternalError& error) {
    EXPECT_NE(std::string(error.what()).find("line 1: wrong"), std::string::npos);
  }
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(CubinCacheTest, ManyProcessesAtOnce) {
  const fs::path cache = folder / "new";
  std::vector<pid_t> processes;
  for (int n = 0; n < 32; ++n) {
    const pid_t process = fork();
    ASSERT_NE(process, -1);
    if (process == 0) {
      const CountingCompiler compiler;
      bool right = true;
      for (int program = 0; program < 20; ++program) {
        const std::string name = "program " + std::to_string(program);
        const std::string code = CubinCache(cache).get(compiler, name, some_options).code;
        right = right && code == compiler.compile(name, some_options).cubin;
      }
      _exit(right ? 0 : 1);
    }
    processes.push_back(process);
  }
  for (const pid_t process : processes) {
    int status = 0;
    ASSERT_EQ(waitpid(process, &status, 0), process);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  const CountingCompiler compiler;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(cache)) {
    EXPECT_EQ(entry.path().extension(), ".cubin") << "a temporary file was left behind";
    ++files;
  }
  EXPECT_EQ(files, 20);
  for (int program = 0; program < 20; ++program)
    CubinCache(cache).get(compiler, "program " + std::to_string(program), some_options);
  EXPECT_EQ(compiler.calls, 0);
}

}  // namespace
}  // namespace flashrnn::cuda
