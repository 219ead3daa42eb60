// SPDX-License-Identifier: Apache-2.0
#include "device_facts.hpp"

#include <utility>

namespace flashrnn::cuda {

DeviceFacts facts_of(std::shared_ptr<const DeviceModel> model) {
  const auto capability = model->at("COMPUTE_CAPABILITY");
  DeviceFacts out;
  // Machine code of a compute capability runs on its own family; "a" adds what only it has.
  out.architecture =
      "sm_" + std::to_string(capability) + (capability >= 90 && capability < 120 ? "a" : "");
  out.multiprocessors = static_cast<int>(model->at("SM_COUNT"));
  out.registers = static_cast<int>(model->at("REGISTERS_PER_SM"));
  out.shared_bytes = static_cast<int>(model->at("SHARED_MEMORY_PER_BLOCK"));
  out.starts_beside_previous = capability >= 90;
  out.model = std::move(model);
  return out;
}

}  // namespace flashrnn::cuda
