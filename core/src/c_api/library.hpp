// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/flashrnn.h"

namespace flashrnn::c_api {

/// flashrnn_initialize and flashrnn_finalize; @throws as their statuses say.
void initialize(const flashrnn_initialize_options* options);
void finalize();

/// One living plan: while there is one, the library cannot be finalised.
class PlanCount {
 public:
  /// @throws InvalidState unless the library is initialised.
  PlanCount();
  ~PlanCount();
  PlanCount(const PlanCount&) = delete;
  PlanCount& operator=(const PlanCount&) = delete;
};

}  // namespace flashrnn::c_api
