#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run_on_device.sh [BIN] [OUT]: runs the tests of a build with a GPU backend on the machine that has the GPU. BIN is the
# folder of programs (default build/cuda/bin), OUT a folder for logs (default build/device). Libraries that lie in BIN/lib,
# libflashrnn.so among them, are found there, so that BIN can be carried from the machine that built it.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=${1:-build/cuda/bin}
out=${2:-build/device}
mkdir -p "$out"
export LD_LIBRARY_PATH=$PWD/$bin/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export FLASHRNN_GOLDEN_DATA=$PWD/tests/data/golden
export FLASHRNN_PROGRAM=$PWD/$bin/flashrnn
# Without a device every test of it would be absent, not failed.
if ! nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader 2>/dev/null &&
  ! rocminfo 2>/dev/null | grep -m1 'Marketing Name'; then
  echo "run_on_device.sh: no NVIDIA or AMD device answers on this machine" >&2
  exit 1
fi
failed=0 ran=0
for program in cuda_streams_test small_heads_values_test spread_heads_values_test user_cell_values_test conformance_test \
  layers_test training_test user_cell_test device_size_test cli_test \
  tuning_test c_api_{errors,lifecycle,lstm,threads,tuning}_test tiling_choice_test; do
  [ -x "$bin/$program" ] || { echo "SKIPPED $program: not in $bin" && continue; }
  start=$SECONDS
  if "$bin/$program" --gtest_output="xml:$out/$program.xml" > "$out/$program.log" 2>&1; then
    verdict=passed
  else
    verdict=FAILED failed=$((failed + 1))
    grep -E 'FAILED|Failure|error' "$out/$program.log" | head -20
  fi
  ran=$((ran + 1))
  echo "$verdict $program in $((SECONDS - start)) s: $(grep -E '^\[  PASSED' "$out/$program.log" ||
    tail -n 1 "$out/$program.log")"
  grep -E '^\[-.* tests? from .* total' "$out/$program.log"
done
echo "$ran programs ran, $failed failed"
[ "$ran" -gt 0 ] && [ "$failed" -eq 0 ]
