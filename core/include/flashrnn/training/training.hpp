// SPDX-License-Identifier: Apache-2.0
#pragma once

// All that a training needs: networks with their memory, losses, Adam, checkpoints, data.
#include "flashrnn/architecture.hpp"
#include "flashrnn/copies.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/network.hpp"
#include "flashrnn/training/adam.hpp"
#include "flashrnn/training/checkpoint.hpp"
#include "flashrnn/training/counter_random.hpp"
#include "flashrnn/training/fit.hpp"
#include "flashrnn/training/initial_parameters.hpp"
#include "flashrnn/training/learning_rate.hpp"
#include "flashrnn/training/loss.hpp"
#include "flashrnn/training/scaling.hpp"
#include "flashrnn/training/series_statistics.hpp"
#include "flashrnn/training/trainer.hpp"
#include "flashrnn/training/windows.hpp"
