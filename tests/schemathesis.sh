#!/bin/bash
# Schemathesis against a real management server, in a network of its own: hostile and odd requests made from
# docs/api/openapi.json, as the owner and as an auditor. Needs root, `schemathesis` 4 on PATH (or in $SCHEMATHESIS) and
# `cargo build --release -p kumi`. What came of it last: docs/results/schemathesis.md.
#
#     tests/schemathesis.sh [EXAMPLES]        # 200 examples for each operation unless said otherwise
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${1:-200}
tool=${SCHEMATHESIS:-schemathesis}
kumi=$PWD/target/release/kumi
place=$(mktemp -d)
network=kumi-st-$$
inside=(ip netns exec "$network")
trap '"${inside[@]}" "$kumi" --state "$place/state" down >/dev/null 2>&1 || true; ip netns del "$network"; rm -rf "$place"' EXIT
ip netns add "$network"
"${inside[@]}" ip link set lo up
"${inside[@]}" ip link add eth0 type veth peer name eth1
"${inside[@]}" ip link set eth1 up
"${inside[@]}" ip addr add 192.0.2.1/24 dev eth0
"${inside[@]}" ip link set eth0 up
node=("${inside[@]}" "$kumi" --state "$place/state")
"${node[@]}" group create sales --apart >/dev/null
"${node[@]}" group add ada sales >/dev/null
owner=$("${node[@]}" gms admin add olive --role owner 2>/dev/null)
auditor=$("${node[@]}" gms admin add audrey --role auditor 2>/dev/null)
address=$("${node[@]}" --json id show | sed -n 's/.*"address": "\(.*\)",/\1/p' | head -1)
url="http://[$address]:4651"
for _ in $(seq 50); do
    "${inside[@]}" curl -gs -o "$place/openapi.json" "$url/v1/openapi.json" && break
    sleep 0.1
done
cmp "$place/openapi.json" docs/api/openapi.json
for key in "$owner" "$auditor"; do
    "${inside[@]}" "$tool" --config-file tests/schemathesis.toml run docs/api/openapi.json --url "$url" -H "Authorization: Bearer $key" \
        --max-examples "$examples" --seed 1 --checks all --exclude-checks positive_data_acceptance \
        --request-timeout 10 --phases examples,coverage,fuzzing,stateful
done
"${node[@]}" gms status
"${node[@]}" check >/dev/null
