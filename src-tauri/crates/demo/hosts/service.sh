#!/bin/sh
# A service of a demo host: a process with a PID, a log and signals. Argument: the unit.
unit=$1
. /opt/daytwo/lib
describe "$unit"
get number /run/daytwo/number
ident=${unit%.service}
ticks=0 pause=
say() { write_log "$unit" "$ident" $$ "$1"; }
trap 'say "received SIGTERM, shutting down"; [ -z "$pause" ] || kill "$pause" 2>/dev/null; exit 0' TERM
trap 'say "received SIGHUP, configuration read again"' HUP

line() {
  case $unit in
  nginx.service)
    mkdir -p /var/log/nginx
    printf '10.0.%s.%s - - [%s] "GET /api/items?page=%s HTTP/1.1" 200 %s\n' "$number" $((ticks % 250)) \
      "$(date -u '+%d/%b/%Y:%H:%M:%S +0000')" "$ticks" $((900 + ticks * 37 % 400)) >>/var/log/nginx/access.log
    message="worker process: $((20 + ticks * 7 % 60)) connections"
    ;;
  app.service)
    get version /srv/app/current/VERSION
    if [ -e /srv/app/current/BROKEN ]; then
      message="ERROR release ${version:-none}: cannot read the schema: relation \"items_v2\" does not exist"
    else
      message="release ${version:-none}: served $((80 + ticks * 11 % 70)) requests, p95 $((30 + ticks * 5 % 40)) ms"
    fi
    ;;
  postgresql.service) message="checkpoint complete: wrote $((100 + ticks * 17 % 400)) buffers" ;;
  inference.service) message="Avg prompt throughput: $((200 + ticks * 31 % 300)).0 tokens/s, Running: $((ticks % 8)) reqs, Waiting: 0 reqs" ;;
  gateway.service) message="200 OK /v1/chat/completions: $((30 + ticks * 13 % 80)) calls in the last $period s" ;;
  cron.service) message="(root) CMD (run-parts /etc/cron.hourly)" ;;
  ssh.service) message="$((ticks + 1)) sessions since start" ;;
  *) message="tick $ticks" ;;
  esac
  say "$message"
}

say "started, version $(cat /var/lib/demo/version 2>/dev/null)"
while :; do
  line
  ticks=$((ticks + 1))
  # In the background, so that a signal is handled at once and not at the end of the pause.
  sleep "$period" &
  pause=$!
  wait "$pause"
done
