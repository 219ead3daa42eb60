// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "flashrnn/problem.hpp"
#include "jit/sources.hpp"
#include "tiling/product_type.hpp"

// Pieces of the texts that are compiled at run time.

namespace flashrnn::cuda {

/// "flashrnn_forward_lstm_bfloat16_d64", "…_float32_high_d64"; a user's cell may have any name.
std::string kernel_name(const std::string& pass, const std::string& cell, ProductType type,
                        int padded);

/// A program whose kernel runs `function` with `tile`, both of namespace flashrnn::cuda. What the
/// choice of the tile assumed of it, threads and bytes of shared memory, is asserted. Registers are
/// kept so few that `beside` blocks fit one multiprocessor.
Program tile_program(const std::string& headers, const std::string& tile, const std::string& kernel,
                     const std::string& function, const std::string& parameters, int threads,
                     int shared_bytes, const std::vector<Source>& sources = embedded_sources(),
                     int beside = 1);
/// A program whose kernel calls `function`, "flashrnn::cuda::sum_parts<...>".
Program plain_program(const std::string& header, const std::string& kernel,
                      const std::string& function, const std::string& parameters);

/// "true" or "false".
const char* truth(bool value);
/// What the kernels call it: "flashrnn::bfloat16", "float".
std::string storage(ProductType type);

}  // namespace flashrnn::cuda
