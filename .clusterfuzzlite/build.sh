#!/usr/bin/env bash
# What OSS-Fuzz builds.
exec bash "$SRC/canonfuzz/scripts/oss-fuzz/build.sh"
