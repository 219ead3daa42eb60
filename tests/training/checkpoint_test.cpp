// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/checkpoint.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "file_fixture.hpp"
#include "flashrnn/safetensors.hpp"
#include "flashrnn/training/counter_random.hpp"
#include "flashrnn/training/initial_parameters.hpp"
#include "flashrnn/training/loss.hpp"
#include "flashrnn/training/trainer.hpp"

namespace flashrnn::test {
namespace {

Architecture small(Index layers = 1, Index head_dim = 4) {
  Architecture a;
  a.cell = "slstm";
  a.input_size = 3;
  a.head_dim = head_dim;
  a.layers = layers;
  a.output_size = 2;
  return a;
}

/// Numbers of all sizes, and some that no arithmetic leaves alone.
Checkpoint random_checkpoint(const ParameterLayout& layout, DataType type) {
  Checkpoint c;
  std::uint64_t stream = 0;
  for (auto* const values : {&c.parameters, &c.first_moment, &c.second_moment}) {
    const CounterRandom random(1, ++stream);
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(layout.size()); ++i) {
      const double value = random.normal(i) * std::pow(10.0, double(i % 60) - 30);
      values->push_back(type == DataType::float64 ? value : double(static_cast<float>(value)));
    }
    (*values)[0] = -0.0;
    (*values)[1] = double(std::numeric_limits<float>::denorm_min());
    (*values)[2] = std::numeric_limits<double>::infinity();
  }
  c.updates = 123456789012;
  c.metadata = {{"seed", "7"}, {"näme", "ω \"quoted\"\n"}};
  return c;
}

class CheckpointFile : public FolderTest {
 protected:
  /// What is said of a file when a checkpoint of a network is read from it.
  [[nodiscard]] std::string complaint(const std::string& name,
                                      const Architecture& of = small()) const {
    return message_of<InvalidArgument>(
        [&] { (void)read_checkpoint(path(name), ParameterLayout(of), DataType::float32); });
  }
  void write(const std::string& name, const Architecture& of = small(),
             DataType type = DataType::float32) const {
    const ParameterLayout layout(of);
    write_checkpoint(path(name), layout, type, random_checkpoint(layout, type));
  }
};

TEST_F(CheckpointFile, comes_back_bit_by_bit) {
  for (const DataType type : {DataType::float32, DataType::float64}) {
    const ParameterLayout layout(small(2));
    const Checkpoint c = random_checkpoint(layout, type);
    write_checkpoint(path("a"), layout, type, c);
    const Checkpoint read = read_checkpoint(path("a"), layout, type);
    EXPECT_EQ(read.parameters, c.parameters);
    EXPECT_TRUE(std::signbit(read.parameters[0]));
    EXPECT_EQ(read.first_moment, c.first_moment);
    EXPECT_EQ(read.second_moment, c.second_moment);
    EXPECT_EQ(read.updates, c.updates);
    EXPECT_EQ(read.metadata, c.metadata);
    write_checkpoint(path("b"), layout, type, read);
    EXPECT_EQ(content(path("a")), content(path("b")));
  }
  EXPECT_EQ(files_in_folder(), 2U) << "a temporary file was left";
}

TEST_F(CheckpointFile, holds_tensors_by_their_names) {
  write("a", small(2));
  const SafetensorsFile file = SafetensorsFile::read(path("a"));
  const ParameterLayout layout(small(2));
  EXPECT_EQ(file.tensors().size(), 3 * layout.parameters().size());
  const Checkpoint c = random_checkpoint(layout, DataType::float32);
  const Parameter& R = layout.at("R_l1");
  const auto values = to_vector<double>(file.at("adam.v.R_l1", TensorShape{4, 1, 4, 4}));
  EXPECT_EQ(values, std::vector<double>(c.second_moment.begin() + R.offset,
                                        c.second_moment.begin() + R.offset + R.size));
  EXPECT_EQ(file.metadata().at("updates"), "123456789012");
}

TEST_F(CheckpointFile, of_something_else_is_refused) {
  SafetensorsWriter foreign;
  const std::vector<float> weight(6);
  foreign.add("weight", ElementType::F32, {2, 3}, std::span<const float>(weight));
  foreign.write(path("foreign"));
  EXPECT_EQ(complaint("foreign"),
            path("foreign").string() + ": no checkpoint, as it does not say updates");
  foreign.set_metadata("updates", "12 or so");
  foreign.write(path("updates"));
  EXPECT_EQ(complaint("updates"),
            path("updates").string() + ": updates: expected a number, found '12 or so'");
  foreign.set_metadata("updates", "-1");
  foreign.write(path("updates"));
  EXPECT_NE(complaint("updates").find("expected a number, found '-1'"), std::string::npos);
  foreign.set_metadata("updates", "12");
  foreign.write(path("updates"));
  EXPECT_NE(complaint("updates").find("W_l0"), std::string::npos) << "of the tensor that lacks";

  write("wider", small(1, 5));
  EXPECT_NE(complaint("wider").find("expected shape [4, 1, 4, 3], found [4, 1, 5, 3]"),
            std::string::npos)
      << complaint("wider");
  write("deeper", small(2));
  EXPECT_NE(complaint("deeper").find("_l1' is none of this network"), std::string::npos)
      << complaint("deeper");
  write("double", small(), DataType::float64);
  EXPECT_EQ(complaint("double"), path("double").string() + ": W_l0: expected F32, found F64");
}

TEST_F(CheckpointFile, that_is_damaged_or_missing_is_refused) {
  write("whole");
  const std::string bytes = content(path("whole"));
  for (const std::size_t length :
       {std::size_t(0), std::size_t(7), std::size_t(100), bytes.size() / 2, bytes.size() - 1}) {
    put(path("cut"), bytes.substr(0, length));
    EXPECT_NE(complaint("cut"), "") << length;
  }
  put(path("cut"), bytes + "x");
  EXPECT_NE(complaint("cut"), "");
  EXPECT_NE(message_of<EnvironmentError>([&] {
              (void)read_checkpoint(path("none"), ParameterLayout(small()), DataType::float32);
            }),
            "");
}

TEST_F(CheckpointFile, is_not_written_from_wrong_arguments) {
  const ParameterLayout layout(small());
  Checkpoint c = random_checkpoint(layout, DataType::float32);
  const auto refusal = [&](DataType type) {
    return message_of<InvalidArgument>([&] { write_checkpoint(path("a"), layout, type, c); });
  };
  EXPECT_EQ(refusal(DataType::bfloat16), "checkpoint: expected float32 or float64, found bfloat16");
  c.metadata["updates"] = "3";
  EXPECT_NE(refusal(DataType::float32).find("updates"), std::string::npos);
  c.metadata.clear();
  c.second_moment.pop_back();
  EXPECT_NE(refusal(DataType::float32), "");
  EXPECT_EQ(files_in_folder(), 0U);
}

TEST(exact_text, reads_back_as_the_same_number) {
  for (const double value : {0.1, -1.0 / 3, 5e-324, 1.7976931348623157e308, 0.0})
    EXPECT_EQ(std::stod(exact_text(value)), value) << exact_text(value);
}

/// Some updates of a training whose data follows from the number of the update.
template <class Space, class Real>
void train(Trainer<Space, Real>& trainer, long long end) {
  trainer.resize(6, 5);
  for (long long n = trainer.updates(); n < end; ++n) {
    std::vector<Real> u(trainer.u().size());
    for (std::size_t i = 0; i < u.size(); ++i)
      u[i] = static_cast<Real>(CounterRandom(1, static_cast<std::uint64_t>(n)).normal(i));
    copy_to(trainer.u(), u);
    trainer.forward();
    const Kokkos::View<Real*, Space> target("target", trainer.y().size());
    mean_squared_error(Space(), trainer.y(), target, trainer.dy());
    trainer.backward();
    trainer.update({.learning_rate = 0.01, .most_norm = 1});
  }
}

template <class Real>
void expect_the_same_bits_after_resuming(const std::filesystem::path& path) {
  using Space = Kokkos::DefaultExecutionSpace;
  const std::vector<float> values = initial_parameters(small(2), 5, 1);
  const std::vector<Real> start(values.begin(), values.end());
  Trainer<Space, Real> whole(Space(), small(2), start), first(Space(), small(2), start),
      second(Space(), small(2), std::vector<Real>(start.size()));
  train(whole, 20);
  train(first, 8);
  first.save(path, {{"seed", "5"}});
  EXPECT_EQ(second.load(path, {{"seed", "5"}}),
            (std::map<std::string, std::string>{{"seed", "5"}}));
  EXPECT_EQ(second.updates(), 8);
  EXPECT_EQ(on_host(second.parameters()), on_host(first.parameters()));
  EXPECT_NE(on_host(first.parameters()), on_host(whole.parameters()));
  train(second, 20);
  EXPECT_EQ(on_host(second.parameters()), on_host(whole.parameters()));
  EXPECT_EQ(on_host(second.adam().first_moment()), on_host(whole.adam().first_moment()));
  EXPECT_EQ(on_host(second.adam().second_moment()), on_host(whole.adam().second_moment()));
}

TEST_F(CheckpointFile, resumes_a_training_with_the_same_bits) {
  expect_the_same_bits_after_resuming<float>(path("float"));
  expect_the_same_bits_after_resuming<double>(path("double"));
}

TEST_F(CheckpointFile, of_another_training_changes_nothing) {
  using Space = Kokkos::DefaultExecutionSpace;
  Trainer<Space> saved(Space(), small(), initial_parameters(small(), 1));
  train(saved, 3);
  saved.save(path("a"), {{"seed", "1"}, {"rate", "0.1"}});
  Trainer<Space> other(Space(), small(), initial_parameters(small(), 2));
  const std::vector<float> before = on_host(other.parameters());
  const auto complaint = [&](const Trainer<Space>::Metadata& expected) {
    return message_of<InvalidArgument>([&] { other.load(path("a"), expected); });
  };
  EXPECT_EQ(complaint({{"rate", "0.1"}, {"seed", "2"}}),
            path("a").string() + ": of a training with seed 1, expected 2");
  EXPECT_EQ(complaint({{"task", "s5"}}),
            path("a").string() + ": of a training with task , expected s5");
  EXPECT_EQ(on_host(other.parameters()), before);
  EXPECT_EQ(other.updates(), 0);
  EXPECT_EQ(other.load(path("a")).size(), 2U);
}

}  // namespace
}  // namespace flashrnn::test
