// SPDX-License-Identifier: Apache-2.0
// Two factors of 12, the largest first.
#include <constrint/constrint.hpp>
#include <cstdio>

int main() {
  const constrint::Model model =
      constrint::Model::parse("x in 1..9; y in 1..9; x * y == 12; prefer x largest;");
  constrint::Search search(model);
  if (search.first() != constrint::Status::satisfiable) return 1;
  if (search.solution()[0] != 6 || search.solution()[1] != 2) return 1;
  std::puts("constrint::constrint works");
  return 0;
}
