// SPDX-License-Identifier: Apache-2.0
#pragma once

// The whole C++ API.
#include "flashrnn/architecture.hpp"
#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/layer.hpp"
#include "flashrnn/layout.hpp"
#include "flashrnn/line_chart.hpp"
#include "flashrnn/model.hpp"
#include "flashrnn/network.hpp"
#include "flashrnn/plan.hpp"
#include "flashrnn/predictor.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/safetensors.hpp"
#include "flashrnn/tensors.hpp"
#include "flashrnn/types.hpp"
#include "flashrnn/user_cell.hpp"
