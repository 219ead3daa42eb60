#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks a build with a GPU backend on the machine that has the GPU, in one call: what the tests say, what the compute
# sanitizers say, and how fast it is.
#
# run_on_device.sh [--only STAGE[,STAGE…]] [--jobs N] [BIN [OUT]]
#   BIN   the folder of programs (default build/cuda/bin). Libraries that lie in BIN/lib are found there, so that BIN can be
#         carried from the machine that built it (scripts/bundle.sh)
#   OUT   a folder for logs and tables (default build/device)
#   N     processes at once (default: as many as there are processors; they spend their time compiling kernels)
# Stages, in this order; all by default:
#   tests        every test program, the long ones in shards
#   sanitizers   memcheck, synccheck, initcheck and racecheck on small shapes (NVIDIA)
#   processes    32 processes that make the same plan at once with an empty cache, then one more from the cache (NVIDIA)
#   first_plans  how long the first plan of a process takes: of embedded kernels, and of some that are compiled (NVIDIA)
#   speed        the shapes that docs/cuda_kernels.md has goals for (NVIDIA)
#   choice       whether the tilings that are chosen are within a tenth of the best; alone on the device (NVIDIA)
# The exit status is 0 if nothing that has a verdict (all but first_plans and speed) failed.
set -uo pipefail
root=$(realpath "$(dirname "$0")/..") || exit 2

# Test programs and their shards, the longest first.
longest_first=(spread_heads_values_test:8 small_heads_values_test:8 conformance_test:2 layers_test:1 device_size_test:1
  user_cell_values_test:1 cuda_streams_test:1 training_test:1 user_cell_test:1 cli_test:1 tuning_test:1
  c_api_errors_test:1 c_api_lifecycle_test:1 c_api_lstm_test:1 c_api_threads_test:1 c_api_tuning_test:1)
# All that the stages run, for scripts/bundle.sh.
if [ "${1:-}" = --programs ]; then
  printf '%s\n' "${longest_first[@]%:*}" tiling_choice_test cuda_kernels_bench first_plan_bench flashrnn
  exit
fi

all_stages=tests,sanitizers,processes,first_plans,speed,choice
stages=$all_stages
jobs=$(nproc)
while [[ ${1:-} == --* ]]; do
  case $1 in
    --only) stages=${2:-} ;;
    --jobs) jobs=${2:-} ;;
    *) echo "run_on_device.sh: no option $1; there are --only and --jobs" >&2 && exit 2 ;;
  esac
  shift 2 || { echo "run_on_device.sh: an option wants a value" >&2 && exit 2; }
done
for stage in ${stages//,/ }; do
  [[ ,$all_stages, == *,$stage,* ]] || { echo "run_on_device.sh: no stage $stage; there are $all_stages" >&2 && exit 2; }
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || { echo "run_on_device.sh: --jobs wants a number, not $jobs" >&2 && exit 2; }
bin=$(realpath "${1:-$root/build/cuda/bin}") || exit 2
mkdir -p "${2:-$root/build/device}" || exit 2
out=$(realpath "${2:-$root/build/device}")
cd "$root" || exit 2 # some tests look for their data from here
export LD_LIBRARY_PATH=$bin/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export FLASHRNN_GOLDEN_DATA=$PWD/tests/data/golden
export FLASHRNN_PROGRAM=$bin/flashrnn
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# Kernels that one process has compiled are there for the next; nothing of the user's own cache is touched.
export FLASHRNN_CACHE_DIR=$out/cache
# Without a device every test of it would be absent, not failed.
nvidia=1
if ! nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader 2>/dev/null; then
  nvidia=0
  if ! rocminfo 2>/dev/null | grep -m1 'Marketing Name'; then
    echo "run_on_device.sh: no NVIDIA or AMD device answers on this machine" >&2
    exit 1
  fi
fi

failures=0 verdicts=0
# verdict 0|1 TEXT: a line of the report; 0 is a success.
verdict() {
  verdicts=$((verdicts + 1))
  if [ "$1" -eq 0 ]; then
    echo "passed  $2"
  else
    failures=$((failures + 1))
    echo "FAILED  $2"
  fi
}
has() {
  [ -x "$bin/$1" ] || { echo "skipped $1: not in $bin" && false; }
}
# start COMMAND…: in the background, as soon as fewer than $jobs are running.
start() {
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  "$@" &
}
# passed_tests FILE…: how many tests of GoogleTest passed.
passed_tests() {
  cat "$@" | awk '/^\[  PASSED/ {sum += $4} END {print sum + 0}'
}

# one_test LOG PROGRAM SHARD SHARDS
one_test() {
  local begin=$SECONDS status
  GTEST_SHARD_INDEX=$3 GTEST_TOTAL_SHARDS=$4 timeout 3000 "$bin/$2" > "$1.log" 2>&1
  status=$?
  echo "$status $((SECONDS - begin))" > "$1.status"
}
stage_tests() {
  local dir=$out/tests program shards n status seconds total slowest passed
  rm -rf "$dir" && mkdir -p "$dir"
  export GTEST_FILTER=${GTEST_FILTER:--*OpenMP*:*Serial*} # the host's spaces have their tests elsewhere
  for entry in "${longest_first[@]}"; do
    program=${entry%:*} shards=${entry#*:}
    has "$program" || continue
    for ((n = 0; n < shards; ++n)); do start one_test "$dir/$program.$n" "$program" "$n" "$shards"; done
  done
  wait
  for entry in "${longest_first[@]}"; do
    program=${entry%:*}
    [ -e "$dir/$program.0.status" ] || continue
    total=0 slowest=0
    for n in "$dir/$program".*.status; do
      read -r status seconds < "$n"
      [ "$status" -eq 0 ] || total=$((total + 1))
      [ "$seconds" -le "$slowest" ] || slowest=$seconds
    done
    passed=$(passed_tests "$dir/$program".*.log)
    # Programs in C print what they checked.
    [ "$passed" -gt 0 ] && passed="$passed tests" || passed=$(tail -qn 1 "$dir/$program".*.log)
    # A program that ran nothing has shown nothing.
    [ -n "$passed" ] || total=$((total + 1))
    verdict "$((total > 0))" "$program: $passed, $slowest s"
    [ "$total" -eq 0 ] || grep -hE 'FAILED  \]|: Failure|[Ee]rror' "$dir/$program".*.log | sort -u | head -20
  done
}

# one_sanitizer TOOL NUMBER PROGRAM FILTER
one_sanitizer() {
  local racecheck=0
  [ "$1" != racecheck ] || racecheck=1 # docs/cuda_kernels.md#racecheck
  FLASHRNN_CUDA_RACECHECK=$racecheck timeout 1800 "$sanitizer" --tool "$1" "$bin/$3" --gtest_brief=1 --gtest_filter="$4" \
    > "$out/sanitizers/$1.$2.log" 2>&1
}
stage_sanitizers() {
  sanitizer=$(command -v compute-sanitizer || command -v /usr/local/cuda/bin/compute-sanitizer) ||
    { echo "skipped sanitizers: no compute-sanitizer in PATH or /usr/local/cuda/bin" && return; }
  local small=small_heads_values_test spread=spread_heads_values_test tool n summary passed errors
  local odd='*LstmBfloat16/odd:*LstmBfloat16/d54:*LstmFloat16/d100_odd:*GruBfloat16/d20:*LstmBfloat16/d40_shifted'
  has $small && has $spread || return
  rm -rf "$out/sanitizers" && mkdir -p "$out/sanitizers"
  for tool in memcheck synccheck initcheck racecheck; do
    start one_sanitizer $tool 1 $small "$odd:*SlstmFloat16/d16:*GruFloat16/d32:*LstmFloat32/d22"
    start one_sanitizer $tool 2 $small '*LstmFloat32/d80_odd_batch:*LstmBfloat16/d128_batch_first_bare'
    start one_sanitizer $tool 3 $small '*Tall*LstmBfloat16*d50*:*LstmBfloat16/d64_batch_8:*GruFloat16/d56_batch_8'
    start one_sanitizer $tool 4 $spread '*LstmBfloat16/d129_odd:*SlstmBfloat16/d129*'
  done
  wait
  for tool in memcheck synccheck initcheck racecheck; do
    errors=0
    for n in 1 2 3 4; do
      summary=$(grep -hE 'SUMMARY' "$out/sanitizers/$tool.$n.log" | tail -n 1)
      [[ $summary == *"SUMMARY: 0 "* ]] || errors=$((errors + 1))
      grep -q '^\[  PASSED' "$out/sanitizers/$tool.$n.log" && ! grep -q '^\[  FAILED' "$out/sanitizers/$tool.$n.log" ||
        errors=$((errors + 1))
    done
    passed=$(passed_tests "$out/sanitizers/$tool".*.log)
    verdict "$((errors > 0))" "$tool: $passed tests, ${summary#========= }"
  done
}

stage_processes() {
  has first_plan_bench || return
  local dir=$out/processes n made
  rm -rf "$dir" && mkdir -p "$dir"
  for n in {1..32}; do
    CUDA_CACHE_DISABLE=1 FLASHRNN_CACHE_DIR=$dir/cache timeout 120 "$bin/first_plan_bench" lstm:54x14:16:bfloat16:training \
      > "$dir/$n.log" 2>&1 &
  done
  wait
  made=$(grep -l 'first plan' "$dir"/*.log | wc -l)
  verdict "$((made < 32))" "processes: $made of 32 made the plan"
  FLASHRNN_CACHE_DIR=$dir/cache "$bin/first_plan_bench" lstm:54x14:16:bfloat16:training
}

# first_plans BEFORE PROBLEM…: a line per problem with the times of three processes, in front of each of which BEFORE runs.
first_plans() {
  local before=$1 problem
  shift
  for problem in "$@"; do
    for _ in 1 2 3; do
      $before
      CUDA_CACHE_DISABLE=1 FLASHRNN_CACHE_DIR=$out/empty_cache "$bin/first_plan_bench" "$problem"
    done | awk -v problem="$problem" '{times = times sprintf(" %9s", $4)} END {printf "%-40s first plans, ms:%s\n", problem, times}'
  done
}
stage_first_plans() {
  has first_plan_bench || return
  local one embedded=()
  rm -rf "$out/empty_cache"
  for one in lstm:16x48:16 lstm:32x24:16 lstm:64x12:16 lstm:128x6:16 lstm:256x3:16 lstm:768x1:16 lstm:64x12:16:float16 \
    lstm:64x12:16:float32 slstm:64x12:16 gru:64x12:16; do
    [[ $one == *float* ]] || one=$one:bfloat16
    embedded+=("$one:inference" "$one:training")
  done
  first_plans : "${embedded[@]}" | tee "$out/first_plans_embedded.txt"
  [ ! -e "$out/empty_cache" ] || echo "first_plans: not all of these were embedded"
  first_plans "rm -rf $out/empty_cache" lstm:64x12:64:bfloat16:training lstm:100x8:16:bfloat16:training \
    gru:256x3:16:bfloat16:training lstm:1024x1:16:bfloat16:training lstm:2048x1:64:float16:training \
    lstm:768x1:256:float16:training slstm:96x8:256:float16:training slstm:64x12:256:float16:inference \
    lstm:64x12:64:float32:training lstm:96x8:64:float32:training lstm:256x3:64:float32:training \
    slstm:256x3:64:float32:training gru:256x3:64:float32:training slstm:128x6:256:float32:training \
    lstm:1024x1:64:float32:training | tee "$out/first_plans_compiled.txt"
  rm -rf "$out/empty_cache"
}

stage_speed() {
  has cuda_kernels_bench || return
  local shapes=() one
  for one in 16x48 32x24 64x12 128x6 256x3 768x1 1024x1 2048x1; do shapes+=("lstm:$one:16"); done
  shapes+=(lstm:768x1:1 lstm:768x1:64 lstm:768x1:256 lstm:64x12:64 lstm:64x12:256)
  for one in 16x48 32x24 64x12 128x6 256x3 768x1; do shapes+=("slstm:$one:16" "gru:$one:16" "elman:$one:16"); done
  for one in 16x48 32x24 64x12 128x6 256x3 768x1 1024x1 2048x1; do shapes+=("lstm:$one:16:float16"); done
  for one in 16x48 32x24 64x12 96x8 256x3 768x1 1024x1; do shapes+=("lstm:$one:16:float32"); done
  for one in 16x48 64x12 256x3 768x1; do shapes+=("lstm:$one:16:float32_high"); done
  # Compiled side by side, then timed alone.
  for one in "${shapes[@]}"; do start timeout 300 "$bin/cuda_kernels_bench" "$one" > /dev/null 2>&1; done
  wait
  timeout 1800 "$bin/cuda_kernels_bench" "${shapes[@]}" | tee "$out/speed.txt"
}

stage_choice() {
  has tiling_choice_test || return
  local status
  timeout 3000 "$bin/tiling_choice_test" > "$out/choice.log" 2>&1
  status=$?
  verdict "$((status != 0))" "tiling_choice_test: $(passed_tests "$out/choice.log") tests"
  grep -E '^\[  FAILED  \] .*\(' "$out/choice.log"
}

for stage in ${stages//,/ }; do
  if [ $nvidia -eq 0 ] && [ "$stage" != tests ]; then
    echo "skipped $stage: for NVIDIA devices"
    continue
  fi
  echo "== $stage"
  begin=$SECONDS
  "stage_$stage"
  echo "   $((SECONDS - begin)) s"
done
echo "$verdicts verdicts, $failures failed"
[ "$verdicts" -gt 0 ] && [ "$failures" -eq 0 ]
