// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "flashrnn/recurrence/backward_reads.hpp"
#include "flashrnn/recurrence/describe_cell.hpp"
#include "flashrnn/recurrence/sigmoid_gates.hpp"

namespace flashrnn_type_name {

/// The full name of a type in C++; empty for one in an unnamed namespace or a function, and for
/// instances of templates. In a namespace of its own, as g++ leaves out the one that it stands in.
template <class Type>
std::string full_type_name() {
#if defined(__GNUC__)
  // "… [with Type = X; …]" of g++, "… [Type = X]" of clang, "… [with Type=X]" of nvcc's front end
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr std::size_t found = text.find("Type = ");
  const std::size_t begin = found != text.npos ? found + 7 : text.find("Type=") + 5;
  const std::string name(text.substr(begin, text.find_first_of(";],", begin) - begin));
  const bool nameable = name.find_first_of("{(<") == name.npos &&
                        name.find("_GLOBAL__N_") == name.npos;  // nvcc's unnamed namespace
  return nameable ? name : std::string();
#else
  return {};
#endif
}

}  // namespace flashrnn_type_name

namespace flashrnn {

/// A cell as a backend sees it that compiles kernels of its own at run time.
struct NativeCell {
  CellDescription description;
  unsigned recurrent_gates = 0, input_gates = 0, bias_gates = 0;  ///< masks of gates
  BackwardReads reads;
  unsigned sigmoid_gates = 0;  ///< mask of the gates that enter nothing but a sigmoid
  std::string type;  ///< the struct's full name, "flashrnn::Lstm"; empty if it cannot be named
  std::string file;  ///< the header with its text, for a cell that says so; see cells/cell.hpp
};

template <class Cell>
NativeCell native_cell() {
  NativeCell out;
  out.description = describe_cell<Cell>();
  out.recurrent_gates = Cell::recurrent_gates;
  out.input_gates = Cell::input_gates;
  out.bias_gates = Cell::bias_gates;
  out.reads = backward_reads<Cell>();
  out.sigmoid_gates = sigmoid_gates<Cell>();
  out.type = flashrnn_type_name::full_type_name<Cell>();
  if constexpr (requires { std::string(Cell::file); }) out.file = Cell::file;
  return out;
}

}  // namespace flashrnn
