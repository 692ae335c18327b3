#!/usr/bin/env bash
# Tries docker-compose.yml for real: builds the image, starts everything with throw-away passwords and volumes, harvests
# a sample file, searches through the published port, kills a worker in the middle of a night, removes everything again.
#   scripts/smoke.sh      0: it works.  1: it doesn't; the logs are shown.  77: it can't be tried here; says why.
# SMOKE_PORT chooses the port of the API (18080); SMOKE_CLUSTER=1 starts three nodes of Elasticsearch.
set -euo pipefail
cd "$(dirname "$0")/.."

unable() { echo "Not tried: $1." >&2; exit 77; }
command -v docker > /dev/null || unable "there is no docker command"
docker compose version > /dev/null 2>&1 || unable "docker has no compose plugin"
docker info > /dev/null 2>&1 || unable "there is no Docker engine that this user may talk to"

project=tongcang-smoke-$$
port=${SMOKE_PORT:-18080}
site=http://127.0.0.1:$port
work=$(mktemp -d)
files=(--file docker-compose.yml)
[ -z "${SMOKE_CLUSTER:-}" ] || files+=(--file docker-compose.cluster.yml)
# What is said here wins over the file.
export PUBLISH_ADDRESS=127.0.0.1 PUBLISH_PORT=$port DELIVERIES=$work/deliveries WORKERS=2 TONGCANG_BASE_URL=$site

compose() { docker compose --project-name "$project" "${files[@]}" --env-file "$work/env" "$@"; }
tongcang() { compose exec -T worker tongcang "$@"; }
step() { printf '\n== %s\n' "$1"; }

finish() {
  status=$?
  trap - EXIT
  if [ "$status" -ne 0 ]; then
    compose ps --all || true
    compose logs --no-color --tail 60 || true
  fi
  compose down --volumes --remove-orphans --timeout 30 > /dev/null 2>&1 || status=1
  rm -rf "$work"
  [ "$status" -eq 0 ] && echo "It works." || echo "It does not work (exit $status)." >&2
  exit "$status"
}
trap finish EXIT

total() { # total WORDS: how many union records the search finds
  curl --silent --show-error --fail --get --data-urlencode "q=$1" "$site/api/search" \
    | grep --only-matching '"total": *[0-9]*' | head -n 1 | tr --complement --delete 0-9
}
sample() { # sample PUBLICATIONS: a library's sample delivery, on standard output
  compose run --rm -T --no-deps --entrypoint python worker -c "
import sys
from pathlib import Path
from tongcang.sample.consortium import build
build(Path('/tmp/sample'), publications=$1)
[stock] = Path('/tmp/sample/drop/USTB').iterdir()
sys.stdout.buffer.write(stock.read_bytes())"
}
night() { # a whole night; 3 = the sample's damaged records were rejected, as they should be
  tongcang night || [ $? -eq 3 ]
}

step "Build and start"
scripts/make-env.sh "$work/env"
mkdir -p "$work/deliveries/ustb"
chmod -R a+rX "$work" && chmod 600 "$work/env"
compose build --quiet
compose up --detach
for _ in $(seq 60); do
  if curl --silent --fail --output /dev/null "$site/api/libraries"; then break; fi
  sleep 2
done
curl --silent --show-error --fail --output /dev/null "$site/api/libraries"

step "Harvest a sample file and search it"
sample 60 > "$work/deliveries/ustb/stock.mrc"
chmod a+r "$work/deliveries/ustb/stock.mrc"
tongcang library add USTB --name-zh 北京科技大学图书馆 --name-en "USTB Library" --files /deliveries/ustb --delivery full
night
few=$(total "")
[ "${few:-0}" -gt 0 ]
curl --silent --show-error --fail --output /dev/null "$site/api/health"

step "Kill a worker in the middle of a night"
sample 1500 > "$work/deliveries/ustb/more.part"
mv "$work/deliveries/ustb/more.part" "$work/deliveries/ustb/stock.mrc"
chmod a+r "$work/deliveries/ustb/stock.mrc"
victim=$(compose ps --quiet worker | head -n 1)
(sleep 4 && docker kill --signal KILL "$victim" > /dev/null) &
compose exec -T scheduler tongcang night || [ $? -eq 3 ]
wait
[ "$(docker inspect --format '{{.State.Running}}' "$victim")" = false ]
compose up --detach worker
tongcang index status
many=$(total "")
[ "${many:-0}" -gt "$few" ]

step "Nothing is open that should be closed"
[ "$(curl --silent --output /dev/null --write-out '%{http_code}' "$site/metrics")" = 401 ]
token=$(sed -n 's/^TONGCANG_METRICS_TOKEN=//p' "$work/env")
curl --silent --show-error --fail --output /dev/null --header "Authorization: Bearer $token" "$site/metrics"
for service in postgres:5432 elasticsearch:9200; do
  if compose port "${service%:*}" "${service#*:}" 2> /dev/null | grep -q '[1-9]'; then exit 1; fi
done
[ "$(compose exec -T api id -u)" = 10001 ]
if compose exec -T api touch /opt/tongcang/written 2> /dev/null; then exit 1; fi
