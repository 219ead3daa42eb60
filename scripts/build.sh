#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh <preset> [<target>...]: configures and builds a preset into build/<preset>, with Kokkos from the user's
# cache (scripts/kokkos.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
targets=()
[ $# -eq 0 ] || targets=(--target "$@")
export NINJA_STATUS='[%f/%t %es] '
kokkos=$(scripts/kokkos.sh "$preset" | tail -n 1)
cmake --preset "$preset" -DKokkos_ROOT="$kokkos"
cmake --build --preset "$preset" "${targets[@]}"
