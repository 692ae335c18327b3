#!/usr/bin/env bash
# Tongcang's own account in Elasticsearch: the role of elastic-role.json and a user with the password
# TONGCANG_ELASTIC_PASSWORD. May run again at any time: it sets both to what is said here.
set -euo pipefail
umask 077

: "${ELASTIC_URL:?Set ELASTIC_URL}" "${ELASTIC_PASSWORD:?Set ELASTIC_PASSWORD}"
: "${TONGCANG_ELASTIC_PASSWORD:?Set TONGCANG_ELASTIC_PASSWORD}"
role=$(dirname "$0")/elastic-role.json
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for password in "$ELASTIC_PASSWORD" "$TONGCANG_ELASTIC_PASSWORD"; do
  case $password in
    *[!A-Za-z0-9_.-]*) echo "Passwords are letters, digits and _ . - only: openssl rand -hex 24" >&2; exit 2 ;;
  esac
done

# From files: what stands on a command line, everybody on the machine can read.
printf 'user = "elastic:%s"\n' "$ELASTIC_PASSWORD" > "$work/login"
printf '{"password": "%s", "roles": ["tongcang"], "full_name": "Tongcang"}' "$TONGCANG_ELASTIC_PASSWORD" > "$work/user"

put() { # put PATH FILE
  curl --silent --show-error --fail-with-body --max-time 30 --retry 5 --retry-connrefused \
    ${ELASTIC_CA:+--cacert "$ELASTIC_CA"} --config "$work/login" --header 'Content-Type: application/json' \
    --request PUT "$ELASTIC_URL/$1" --data "@$2"
  echo
}

put _security/role/tongcang "$role"
put _security/user/tongcang "$work/user"
