// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace flashrnn::host {

/// Instruction sets that this library has kernels for, from narrow to wide.
enum class InstructionSet { baseline, avx2, avx512 };

/// The widest that the running processor and its operating system support, at most what the
/// environment variable FLASHRNN_HOST_ISA (baseline, avx2, avx512) allows.
/// @throws InvalidArgument if the variable has another value.
InstructionSet processor_instruction_set();

}  // namespace flashrnn::host
