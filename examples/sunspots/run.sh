#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [<folder>]: from a fresh machine to a prediction. Installs what is missing (Debian), builds the program
# `flashrnn` and predicts the yearly sunspot numbers one year ahead with the trained LSTM beside this script. Prints
# the test error beside that of "same as last year", and writes prediction.csv and prediction.svg to the folder
# (default: build/sunspots).
set -euo pipefail
case ${1-} in -*) sed -n '3,6s/^# \{0,1\}//p' "$0"; exit 2 ;; esac
out=$(realpath -m "${1:-$(dirname "$0")/../../build/sunspots}")
cd "$(dirname "$0")/../.."

scripts/packages.sh build
kokkos=$(scripts/kokkos.sh release | tail -n 1)
# A folder of its own, because the tests, which need more packages, stay out of it.
export NINJA_STATUS='[%f/%t %es] '
cmake --preset release -B build/example -DKokkos_ROOT="$kokkos" -DFLASHRNN_BUILD_TESTS=OFF \
  -DFLASHRNN_BUILD_BENCHMARKS=OFF -DFLASHRNN_BUILD_EXAMPLES=OFF
cmake --build build/example --target flashrnn_cli

mkdir -p "$out"
echo
build/example/bin/flashrnn predict --model examples/sunspots/model.safetensors \
  --in examples/sunspots/sunspots.csv --out "$out/prediction.csv" \
  --plot "$out/prediction.svg" --title "Yearly sunspot numbers" --step-name year
echo
echo "All predictions: $out/prediction.csv"
echo "As a picture:    $out/prediction.svg"
