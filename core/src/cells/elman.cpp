// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/cells/elman.hpp"

#include "built_in_engine.hpp"
#include "instantiate.hpp"

namespace flashrnn {

#define FLASHRNN_INSTANTIATE(space)                                                 \
  template std::unique_ptr<const Engine<space>> make_built_in_engine<Elman, space>( \
      const space&, const Problem&, const EngineOptions&);
FLASHRNN_FOR_EACH_EXECUTION_SPACE(FLASHRNN_INSTANTIATE)

}  // namespace flashrnn
