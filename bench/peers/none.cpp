// SPDX-License-Identifier: Apache-2.0
// A build for AMD has no other library to compare with yet.
#include "peers.hpp"
