// SPDX-License-Identifier: Apache-2.0
#include "work.hpp"

#include <constrint/constrint.hpp>
#include <stdexcept>

namespace bench_solver {

std::vector<std::int64_t> first_solution(std::string_view text) {
  const constrint::Model model = constrint::Model::parse(text);
  constrint::Search search(model);
  if (search.first() == constrint::Status::limit) throw std::runtime_error("first: limit reached");
  return {search.solution().begin(), search.solution().end()};
}

std::uint64_t count_solutions(std::string_view text) {
  const constrint::CountResult result = constrint::count(constrint::Model::parse(text));
  if (result.status == constrint::Status::limit) throw std::runtime_error("count: limit reached");
  if (!result.count.fits_uint64()) throw std::runtime_error("count: beyond 64 bits");
  return result.count.to_uint64();
}

std::size_t list_solutions(std::string_view text, std::span<std::int64_t> rows) {
  const constrint::Space space(constrint::Model::parse(text));
  if (space.status() == constrint::Status::limit) throw std::runtime_error("list: limit reached");
  const std::size_t solutions = static_cast<std::size_t>(space.count().to_uint64());
  const std::size_t values = solutions * space.variable_count();
  if (values > rows.size()) throw std::runtime_error("list: the buffer is too small");
  return space.write(0, rows.first(values));
}

}  // namespace bench_solver
