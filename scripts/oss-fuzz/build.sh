#!/usr/bin/env bash
# Builds all that OSS-Fuzz and ClusterFuzzLite run, from $SRC/canonfuzz to $OUT: each fuzz target, its
# options and its seeds. Both set SRC, OUT, WORK, SANITIZER and RUSTFLAGS; so does scripts/oss-fuzz/local.
set -euo pipefail

project=$SRC/canonfuzz
cd "$project"

# The seeds are the committed cases, so one process has to run on this machine: it is built without
# instrumentation. What a target would reject is no seed, and so is what would end it.
if [ ! -d "$WORK/seeds" ]; then
    env -u RUSTFLAGS -u CFLAGS -u CXXFLAGS cargo run --quiet -- seeds corpus --output "$WORK/seeds.new"
    mv "$WORK/seeds.new" "$WORK/seeds"
fi

# Paths in a coverage report have to be absolute, and cargo gives relative ones for the crates of a workspace.
if [ "$SANITIZER" = coverage ]; then
    for folder in build.rs fuzz src; do
        RUSTFLAGS+=" --remap-path-prefix $folder=$project/$folder"
    done
    export RUSTFLAGS
fi

# `none`, for RUSTFLAGS has the sanitizer already. Debug assertions are half of what there is to find.
export CARGO_INCREMENTAL=0
cargo fuzz build --sanitizer none --strip-dead-code -O --debug-assertions

for source in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$source" .rs)
    cp "${CARGO_TARGET_DIR:-target}/x86_64-unknown-linux-gnu/release/$target" "$OUT/$target"
    cp scripts/oss-fuzz/default.options "$OUT/$target.options"
    rm -f "$OUT/${target}_seed_corpus.zip"
    (cd "$WORK/seeds/$target" && zip --quiet --recurse-paths "$OUT/${target}_seed_corpus.zip" .)
done
# No dictionaries: mutation works on decoded cases and would never ask for a word of one.
