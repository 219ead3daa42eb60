#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [--only <stage>,...]: builds and passes the tests, on a fresh Debian 12 too: missing packages are
# installed first. It stops at the first stage that fails, and always ends with a summary.
#
# Stages: format    clang-format finds nothing to change
#         release   the CPU build and all its tests, the package and architecture tests among them
#         tidy      clang-tidy finds nothing in our own files
#         cuda      everything builds for NVIDIA; its tests run where there is a GPU, those that need none always
#         sanitize  only if named: the CPU build and its tests under AddressSanitizer and UndefinedBehaviorSanitizer
set -euo pipefail
cd "$(dirname "$0")/.."
all_stages=(format release tidy cuda sanitize)
stages=(format release tidy cuda)  # without --only
case ${1-} in
  "") ;;
  --only) IFS=, read -r -a stages <<< "${2-}" ;;
  *) sed -n '3,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
for stage in "${stages[@]}"; do
  if [[ ! " ${all_stages[*]} " == *" $stage "* ]]; then
    echo "run.sh: no stage '$stage'; there are: ${all_stages[*]}" >&2
    exit 2
  fi
done

summary=()
skipped=()
current=setup
started=$SECONDS

finish() {
  local status=$?
  [ -z "$current" ] || summary+=("$current: FAILED after $((SECONDS - started)) s")
  printf '\n===== summary (%d s) =====\n' "$SECONDS"
  printf '%s\n' "${summary[@]}"
  printf 'skipped: %d\n' "${#skipped[@]}"
  [ ${#skipped[@]} -eq 0 ] || printf '  %s\n' "${skipped[@]}"
  [ $status -eq 0 ] && echo "All of ${stages[*]} passed." || echo "FAILED in stage $current; its output is above."
  exit $status
}
trap finish EXIT

# Runs the tests of a preset and keeps count of what they skipped; further arguments go to ctest.
run_tests() {
  local preset=$1
  shift
  ctest --preset "$preset" --no-tests=error -j "$(nproc)" "$@"
  local line
  while read -r line; do
    skipped+=("$preset: $line")
  done < <(awk '/: Skipped$/ { getline reason }
    /^\[  SKIPPED \] .* \([0-9]+ ms\)$/ { print $4 ": " reason }
    /^SKIPPED/ { print }' "build/$preset/Testing/Temporary/LastTest.log")
}

our_sources() {
  git ls-files '*.cpp' '*.hpp' '*.h' '*.c' '*.cu' '*.cuh'
}

stage_format() {
  our_sources | xargs clang-format-14 --dry-run -Werror
}

stage_release() {
  scripts/build.sh release
  run_tests release
}

stage_tidy() {
  # Several files at once, and nothing built: two thirds of clang-tidy's time go to what all files include, and a file of
  # several targets would be checked several times. Left out are the sources that a build makes, an input of a test that
  # does not compile (wrong_plan.cpp), and headers alone, which the files check that include them.
  cmake --preset release -B build/tidy -DKokkos_ROOT="$(scripts/kokkos.sh release | tail -n 1)" \
    -DFLASHRNN_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD=ON
  # Kokkos' OpenMP headers need omp.h, which clang lacks here and g++ has: that one header of g++ and no other.
  local headers=$PWD/build/tidy_headers
  mkdir -p "$headers"
  ln -sf "$(g++ -print-file-name=include/omp.h)" "$headers/omp.h"
  # clang's own warning for reserved identifiers is many times faster than the check of that name, which looks through
  # the system's headers; the other check is about files like those that hold several others.
  run-clang-tidy-14 -quiet -p build/tidy -j "$(nproc)" -checks=-bugprone-reserved-identifier,-bugprone-suspicious-include \
    -extra-arg=-Wreserved-identifier -extra-arg=-idirafter -extra-arg="$headers" \
    "^$PWD/(?!.*(bench_loops|wrong_plan|/readme/|/headers/))(build/tidy/.*/Unity/|(core|solver|backends|bench|examples|tests)/)"
}

stage_sanitize() {
  scripts/build.sh sanitize
  run_tests sanitize
}

stage_cuda() {
  [ -x /usr/local/cuda/bin/nvcc ] && PATH=$PATH:/usr/local/cuda/bin
  if ! command -v nvcc > /dev/null; then
    echo "SKIPPED: there is no nvcc on the PATH or in /usr/local/cuda, so nothing was built for NVIDIA"
    skipped+=("cuda: the whole stage, as there is no nvcc")
    return
  fi
  scripts/build.sh cuda
  if nvidia-smi > /dev/null 2>&1; then
    run_tests cuda
  else
    run_tests cuda --label-regex '^no_gpu$'
    skipped+=("cuda: $(ctest --preset cuda -N --label-exclude '^no_gpu$' | sed -nE 's/^Total Tests: //p') \
test programs, as there is no GPU")
  fi
}

scripts/packages.sh build test
summary+=("setup: $((SECONDS - started)) s")
for current in "${stages[@]}"; do
  printf '\n===== %s =====\n' "$current"
  started=$SECONDS
  "stage_$current"
  printf '===== %s passed in %d s =====\n' "$current" $((SECONDS - started))
  summary+=("$current: passed in $((SECONDS - started)) s")
done
current=
