#!/bin/bash
# campaign.sh SECONDS [TARGET...]: libFuzzer for SECONDS on each target (default: all), starting from the
# committed corpus. Prints one table row a target; exits 1 if one crashed, and says where the input is.
# Needs: rustup's nightly toolchain, a C++ compiler. Nothing under tests/fuzz/corpus is changed.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?usage: campaign.sh SECONDS [TARGET...]}
shift
work=${CAMPAIGN_DIR:-${CARGO_TARGET_DIR:-../../target}/campaign}
mkdir -p "$work"
work=$(cd "$work" && pwd)
triple=$(rustc +nightly -vV | sed -n 's/^host: //p')
coverage='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
-Cllvm-args=-sanitizer-coverage-trace-compares'
RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 $(echo $coverage)" CARGO_TARGET_DIR="$work" \
    cargo +nightly build --quiet --release --target "$triple" --manifest-path campaign/Cargo.toml
[ $# -gt 0 ] || set -- $(ls corpus)
failed=0
echo "| target | runs | edges | crashes |"
echo "|---|---|---|---|"
for target in "$@"; do
    mkdir -p "$work/found/$target" "$work/crashes"
    log="$work/$target.log"
    crashes=0
    FUZZ_TARGET=$target "$work/$triple/release/any" -max_total_time="$seconds" -max_len=16400 \
        -artifact_prefix="$work/crashes/$target-" -print_final_stats=1 \
        "$work/found/$target" "corpus/$target" >"$log" 2>&1 || crashes=1
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -c6- || true)
    echo "| $target | ${runs:-?} | ${edges:-?} | $crashes |"
    if [ $crashes = 1 ]; then
        failed=1
        echo "$target crashed: see $log and $work/crashes/$target-*" >&2
    fi
done
exit $failed
