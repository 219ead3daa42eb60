// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "../common/counter_random.hpp"
#include "../common/trainable_network.hpp"
#include "flashrnn/error.hpp"

/// The word problem of a finite group: at each step one of `inputs` elements comes in, and what is
/// asked for is the product of all that came so far, one of `classes` elements.
struct WordProblem {
  std::string name;
  int inputs = 0;
  int classes = 0;
  int identity = 0;
  std::vector<int> product;  ///< [classes, inputs]: the element after `input`
};

/// Parity: the group of two elements.
inline WordProblem parity() {
  return {"parity", 2, 2, 0, {0, 1, 1, 0}};
}

/// S5, the permutations of five elements. Inputs: all 120 of them, or the identity and the ten
/// transpositions, which generate the group.
inline WordProblem symmetric_group(bool all_inputs) {
  using Permutation = std::array<int, 5>;
  std::vector<Permutation> elements(1);
  std::iota(elements[0].begin(), elements[0].end(), 0);
  for (Permutation next = elements[0]; std::next_permutation(next.begin(), next.end());)
    elements.push_back(next);
  const auto moved = [&](const Permutation& p) {
    int count = 0;
    for (std::size_t i = 0; i < p.size(); ++i) count += p[i] != static_cast<int>(i) ? 1 : 0;
    return count;
  };
  std::vector<Permutation> inputs;
  for (const Permutation& p : elements)
    if (all_inputs || moved(p) <= 2) inputs.push_back(p);

  WordProblem problem{all_inputs ? "S5, all elements" : "S5, transpositions",
                      static_cast<int>(inputs.size()),
                      static_cast<int>(elements.size()),
                      0,
                      {}};
  for (const Permutation& so_far : elements)
    for (const Permutation& input : inputs) {
      Permutation after{};
      for (std::size_t i = 0; i < after.size(); ++i)
        after[i] = input[static_cast<std::size_t>(so_far[i])];
      const auto at = std::lower_bound(elements.begin(), elements.end(), after);
      problem.product.push_back(static_cast<int>(at - elements.begin()));
    }
  return problem;
}

inline WordProblem word_problem(const std::string& name) {
  if (name == "parity") return parity();
  if (name == "s5") return symmetric_group(false);
  if (name == "s5_all") return symmetric_group(true);
  throw flashrnn::InvalidArgument("task: expected parity, s5 or s5_all, found '" + name + "'");
}

/// Draws sequences and their answers on the device.
template <class Space>
class WordGenerator {
 public:
  using Reals = Kokkos::View<float*, Space>;
  using Integers = Kokkos::View<int*, Space>;

  explicit WordGenerator(const WordProblem& problem)
      : inputs_(problem.inputs), product_(example::on_device<Space>(problem.product)) {}

  /// Fills u [T, B, inputs] with words as one 1 among zeros, and answer [T, B]. Sequence n goes on
  /// from element state(n), which is left at its last product. Letters are those of `random`, at
  /// counters (first_step + t)·B + n.
  void draw(const Space& space, const example::CounterRandom& random, long long first_step,
            const Integers& state, const Reals& u, const Integers& answer) const {
    const int batch = static_cast<int>(state.size());
    Kokkos::deep_copy(space, u, 0.0F);
    Kokkos::parallel_for("draw words", Kokkos::RangePolicy<Space>(space, 0, batch),
                         Draw{random, first_step, static_cast<int>(answer.size()) / batch, batch,
                              inputs_, product_, state, u, answer});
  }

  struct Draw {  // public: nvcc takes no private functors
    example::CounterRandom random;
    long long first_step;
    int steps, batch, inputs;
    Integers product, state;
    Reals u;
    Integers answer;

    KOKKOS_FUNCTION void operator()(int n) const {
      int element = state(n);
      for (int t = 0; t < steps; ++t) {
        const auto counter = static_cast<std::uint64_t>((first_step + t) * batch + n);
        const int letter = random.below(counter, inputs);
        const int row = t * batch + n;
        u(static_cast<long long>(row) * inputs + letter) = 1;
        element = product(element * inputs + letter);
        answer(row) = element;
      }
      state(n) = element;
    }
  };

 private:
  int inputs_;
  Integers product_;
};
