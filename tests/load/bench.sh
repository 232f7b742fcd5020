#!/bin/bash
# `make bench`: starts a confabd of its own with quickstart, measures it, stops it. bench.sh PROGRAM [JSON-FILE]
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd -P)
program=$1
json=${2:-}
run=$(mktemp -d "${TMPDIR:-/tmp}/confab-bench.XXXXXX")
port=${BENCH_SIP_PORT:-5975}
peer_port=$((port + 10000))

"$source/quickstart" --detach --run "$run" --sip-port "$port" >"$run/quickstart.log" || {
    cat "$run/quickstart.log"
    exit 1
}
trap '"$source/quickstart" --stop --run "$run" >/dev/null; rm -rf "$run"' EXIT

# Calls to 88 come back to the bench, and nothing is refused for coming too fast.
sed -i "s|^peer \"pbx\".*|peer \"pbx\" { address = {\"127.0.0.2\"} uri = \"sip:127.0.0.2:$peer_port\" }|" "$run/confab.conf"
cat >>"$run/confab.conf" <<END
number "88" { application = "peer" argument = "pbx" }
limits { calls = 2000 calls_a_second = 2000 }
END
kill -HUP "$(cat "$run/confabd.pid")"
sleep 1
"$program" "$(cat "$run/confabd.pid")" 127.0.0.1 "$port" 127.0.0.2 "$peer_port" $json
