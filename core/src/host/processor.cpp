// SPDX-License-Identifier: Apache-2.0
#include "processor.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "flashrnn/error.hpp"

namespace flashrnn::host {
namespace {

InstructionSet of_processor() {
// hipcc compiles every file for the device too, which has neither the builtins nor a use for this.
#if defined(__x86_64__) && !defined(__HIP_DEVICE_COMPILE__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return InstructionSet::avx512;
  // F16C came before AVX2 in every processor.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::baseline;
}

}  // namespace

InstructionSet processor_instruction_set() {
  const InstructionSet found = of_processor();
  const char* const text = std::getenv("FLASHRNN_HOST_ISA");
  if (text == nullptr || *text == '\0') return found;
  const std::string name = text;
  if (name == "baseline") return InstructionSet::baseline;
  if (name == "avx2") return std::min(found, InstructionSet::avx2);
  if (name == "avx512") return found;
  throw InvalidArgument("FLASHRNN_HOST_ISA: expected baseline, avx2 or avx512, found '" + name +
                        "'");
}

}  // namespace flashrnn::host
