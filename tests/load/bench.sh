#!/bin/bash
# `make bench`: a private PostgreSQL and a configuration by quickstart, then the bench, which starts the server it measures.
# bench.sh PROGRAM CONFABD [JSON-FILE]; BENCH and BENCH_SECONDS as in bench.c.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd -P)
program=$1
confabd=$2
json=${3:-}
run=$(mktemp -d "${TMPDIR:-/tmp}/confab-bench.XXXXXX")
port=${BENCH_SIP_PORT:-5975}
peer_port=$((port + 10000))

# Two descriptors a port, and some for calls on their way.
ulimit -n "$(ulimit -Hn)"

trap '"$source/quickstart" --stop --run "$run" >/dev/null 2>&1; rm -rf "$run"' EXIT
"$source/quickstart" --detach --run "$run" --sip-port "$port" --http-port "$((port + 10001))" >"$run/quickstart.log" || {
    cat "$run/quickstart.log"
    exit 1
}
kill -TERM "$(cat "$run/confabd.pid")"
for _ in {1..100}; do
    kill -0 "$(cat "$run/confabd.pid")" 2>/dev/null || break
    sleep 0.1
done

# Calls to 88 come back to the bench, nothing is refused for coming too fast, and a room may be large.
sed -i "s|^peer \"pbx\".*|peer \"pbx\" { address = {\"127.0.0.2\"} uri = \"sip:127.0.0.2:$peer_port\" }|
    s|^media .*|media { rtp_port_low = 20000 rtp_port_high = 29999 }|" "$run/confab.conf"
cat >>"$run/confab.conf" <<END
number "88-89" { application = "peer" argument = "pbx" }
link "bench1" { application = "tag" argument = "a=1" region = "neutral" numbers = {"89"} }
link "bench2" { application = "tag" argument = "b=2" region = "neutral" numbers = {"89"} }
link "bench3" { application = "tag" argument = "c=3" region = "neutral" numbers = {"89"} }
link "bench4" { application = "tag" argument = "d=4" region = "egress" numbers = {"89"} }
link "bench5" { application = "tag" argument = "e=5" region = "egress" numbers = {"89"} }
limits { calls = 2500 calls_a_second = 2500 room_members = 2500 }
END
# shellcheck disable=SC2086 # no JSON file: no argument
"$program" "$confabd" "$run/confab.conf" "$run/confabd.log" 127.0.0.1 "$port" 127.0.0.2 "$peer_port" $json || {
    status=$?
    cp "$run/confabd.log" bench.log
    echo "bench.log is the server's log" >&2
    exit $status
}
