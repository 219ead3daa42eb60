// SPDX-License-Identifier: Apache-2.0
#pragma once

/// ConstrINT: an exact solver for bounded integer problems made of sums, products, quotients,
/// remainders and divisibility. Model holds a problem, Search finds solutions in the preferred
/// order, Space counts, lists and samples.
#include "constrint/count.hpp"
#include "constrint/error.hpp"
#include "constrint/expression.hpp"
#include "constrint/model.hpp"
#include "constrint/options.hpp"
#include "constrint/search.hpp"
#include "constrint/space.hpp"
