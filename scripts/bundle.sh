#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bundle.sh [PRESET [FILE]]: builds a preset with a GPU backend (default cuda) and packs what tests/run_on_device.sh needs on a
# machine that has the GPU and the toolkit's libraries, but perhaps no others, into FILE (default build/device.tar.xz): the
# programs, the libraries they are linked with, the script and its data. There:
#   tar -xJf device.tar.xz && flashrnn_device/tests/run_on_device.sh flashrnn_device/bin flashrnn_device/out
# user_cell_values_test compiles a user's header, which its build names by an absolute path: it fails on a machine that has no
# copy of examples/user_cell there.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-cuda}
file=${2:-build/device.tar.xz}
scripts/build.sh "$preset"
bin=build/$preset/bin
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
into=$root/flashrnn_device
mkdir -p "$into/bin/lib" "$into/tests/data"
programs=()
for name in $(tests/run_on_device.sh --programs); do
  [ -x "$bin/$name" ] && programs+=("$bin/$name")
done
[ ${#programs[@]} -gt 0 ] || { echo "bundle.sh: no programs of tests in $bin" >&2 && exit 1; }
cp "${programs[@]}" "$into/bin/"
strip "$into"/bin/* 2> /dev/null || true
# Everything but the C library and what comes with a driver or toolkit.
own='/(libflashrnn|libconstrint|libkokkos|libopenblas|libgfortran|libquadmath|libgomp|libbenchmark|libdnnl|libstdc\+\+)[^/]*$'
for program in "${programs[@]}"; do ldd "$program" || true; done | awk '$3 ~ /^\// {print $3}' | sort -u | grep -E "$own" |
  xargs -rI{} cp -L {} "$into/bin/lib/"
cp tests/run_on_device.sh "$into/tests/"
cp -r tests/data/golden "$into/tests/data/"
mkdir -p "$(dirname "$file")"
tar -C "$root" -cf - flashrnn_device | xz -T0 --lzma2=preset=3,dict=192MiB > "$file"
echo "$file: $(du -h "$file" | cut -f1), ${#programs[@]} programs"
