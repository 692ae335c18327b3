#!/usr/bin/env bash
# The cluster's own authority and a certificate for each of its nodes, with Elasticsearch's own tool. Runs in
# Elasticsearch's image before the first node starts; does nothing where all is there. RENEW=1 makes the nodes'
# certificates anew with the same authority: nodes take them up by themselves, clients notice nothing.
#
# Three folders, since not everybody may see everything: the authority's key stays with this script, the nodes' keys
# with the nodes, and clients get ca.crt alone.
set -euo pipefail
umask 027

AUTHORITY=${AUTHORITY:-/authority}
CERTIFICATES=${CERTIFICATES:-/certificates}
TRUST=${TRUST:-/trust}
NODES=${NODES:-elasticsearch elasticsearch-2 elasticsearch-3}
certutil=${ELASTIC_HOME:-/usr/share/elasticsearch}/bin/elasticsearch-certutil
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -s "$AUTHORITY/ca.key" ]; then
  echo "Making the authority, valid for ten years."
  "$certutil" ca --silent --pem --days 3650 --out "$work/ca.zip"
  unzip -q "$work/ca.zip" -d "$work"
  mv "$work/ca/ca.crt" "$AUTHORITY/ca.crt"
  mv "$work/ca/ca.key" "$AUTHORITY/ca.key" # last: its presence says that both are there
fi

missing=
for node in $NODES; do
  if [ -n "${RENEW:-}" ] || [ ! -s "$CERTIFICATES/$node/$node.key" ]; then missing="$missing $node"; fi
done
if [ -n "$missing" ]; then
  echo "Making the certificates of$missing, valid for three years."
  echo "instances:" > "$work/nodes.yml"
  for node in $missing; do
    printf '  - name: %s\n    dns: [%s, localhost]\n    ip: [127.0.0.1]\n' "$node" "$node" >> "$work/nodes.yml"
  done
  "$certutil" cert --silent --pem --days 1095 --in "$work/nodes.yml" --out "$work/nodes.zip" \
    --ca-cert "$AUTHORITY/ca.crt" --ca-key "$AUTHORITY/ca.key"
  unzip -q "$work/nodes.zip" -d "$work/nodes"
  for node in $missing; do
    mkdir -p "$CERTIFICATES/$node"
    mv "$work/nodes/$node/$node.crt" "$CERTIFICATES/$node/$node.crt"
    mv "$work/nodes/$node/$node.key" "$CERTIFICATES/$node/$node.key"
  done
fi

cp "$AUTHORITY/ca.crt" "$CERTIFICATES/ca.crt"
cp "$AUTHORITY/ca.crt" "$TRUST/ca.crt"
# Elasticsearch runs as user 1000 of group 0; Tongcang as user 10001 of its own group.
chmod 700 "$AUTHORITY"
chmod 750 "$CERTIFICATES" "$CERTIFICATES"/*/
find "$CERTIFICATES" -type f -exec chmod 640 {} +
chmod 755 "$TRUST"
chmod 644 "$TRUST/ca.crt"
