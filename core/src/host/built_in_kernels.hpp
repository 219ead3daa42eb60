// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host_kernel_choice.hpp"
#include "isa_kernels.hpp"
#include "processor.hpp"

namespace flashrnn::host {

/// Host kernels of the built-in cells: the widest that the processor runs and the build has. The
/// build defines FLASHRNN_HOST_HAS_<instruction set> for each that it has.
struct BuiltInHostKernels {
  template <class Cell, class Storage>
  static HostKernelChoice<Storage> choose() {
    const InstructionSet wanted = processor_instruction_set();
#ifdef FLASHRNN_HOST_HAS_AVX512
    if (wanted >= InstructionSet::avx512) return {&isa_kernels<Avx512, Cell, Storage>(), ""};
#endif
#ifdef FLASHRNN_HOST_HAS_AVX2
    if (wanted >= InstructionSet::avx2)
      return {&isa_kernels<Avx2, Cell, Storage>(), lost(wanted > InstructionSet::avx2)};
#endif
#ifdef FLASHRNN_HOST_HAS_BASELINE
    return {&isa_kernels<Baseline, Cell, Storage>(), lost(wanted > InstructionSet::baseline)};
#else
    return {};
#endif
  }

 private:
  static std::string lost(bool wider) {
    return wider ? " (this build has no kernels for the processor's wider vectors: see "
                   "FLASHRNN_HOST_ISAS)"
                 : "";
  }
};

}  // namespace flashrnn::host
