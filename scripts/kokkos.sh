#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kokkos.sh <preset>: builds Kokkos with a preset's options, once for this machine, and keeps it installed in the
# user's cache; prints the prefix as the last line. The name holds a hash of all that shapes the result, and a copy
# that is incomplete or damaged is built again.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/flashrnn

# The preset's variables, as cmake itself reads them.
variables=$(cmake -N --preset "$preset" | sed -nE 's/^  ([A-Za-z_0-9]+)="(.*)"$/\1=\2/p')
value() { sed -nE "s/^$1=//p" <<< "$variables"; }
compiler=$(value CMAKE_CXX_COMPILER)
compiler=${compiler:-${CXX:-c++}}
options=(-DCMAKE_BUILD_TYPE="$(value CMAKE_BUILD_TYPE)" -DCMAKE_CXX_COMPILER="$compiler"
  -DCMAKE_CXX_STANDARD=20 -DCMAKE_CXX_EXTENSIONS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON
  -DKokkos_ENABLE_SERIAL=ON)
[ "$(value FLASHRNN_NATIVE)" = OFF ] || options+=(-DKokkos_ARCH_NATIVE=ON)
sanitizers=$(value FLASHRNN_SANITIZERS)
[ -z "$sanitizers" ] || options+=(-DCMAKE_CXX_FLAGS="-fsanitize=$sanitizers -fno-omit-frame-pointer")
while read -r option; do
  [ -z "$option" ] || options+=("-D$option")
done < <(grep '^Kokkos_' <<< "$variables")

download=$(cmake -P cmake/download_kokkos.cmake)
printf '%s\n' "$download" >&2
tarball=$(tail -n 1 <<< "$download")
key=$({
  sha256sum < "$tarball"
  printf '%s\n' "${options[@]}"
  "$compiler" --version
  "$compiler" -march=native -E -dM -x c++ /dev/null
  if [[ " ${options[*]} " == *Kokkos_ENABLE_CUDA=ON* ]]; then nvcc --version; fi
} | sha256sum | cut -c 1-16)
prefix=$cache/$(basename "$tarball" .tar.gz)-$preset-$key

mkdir -p "$cache"
exec 9> "$prefix.lock"
flock 9
if [ -f "$prefix/manifest" ] && (cd "$prefix" && sha256sum --check --quiet manifest) >&2; then
  echo "Kokkos is in $prefix" >&2
else
  echo "Building Kokkos for the preset $preset into $prefix" >&2
  rm -rf "$prefix"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  tar -xzf "$tarball" -C "$work" --strip-components=1
  cmake -G Ninja -S "$work" -B "$work/build" -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_INSTALL_LIBDIR=lib "${options[@]}" >&2
  cmake --build "$work/build" >&2
  cmake --install "$work/build" > /dev/null
  (cd "$prefix" && find . -type f ! -name 'manifest*' -exec sha256sum {} + > manifest.partial &&
    mv manifest.partial manifest)
fi
echo "$prefix"
