#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# packages.sh <group>...: installs the Debian packages of the groups build and test that are missing.
set -euo pipefail

build=(g++ cmake ninja-build pkg-config ca-certificates libopenblas-dev nlohmann-json3-dev libcli11-dev)
test=(libgtest-dev libbenchmark-dev clang-format-14 clang-tidy-14 clang-14 libclang-rt-14-dev)

wanted=()
for group in "$@"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    *) echo "packages.sh: no group '$group'; there are: build test" >&2; exit 2 ;;
  esac
done

if ! command -v apt-get > /dev/null; then
  echo "This is not Debian: make sure that the counterparts of these are there: ${wanted[*]}"
  exit 0
fi
missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) || status=absent
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "Missing packages, and neither root nor sudo to install them: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
