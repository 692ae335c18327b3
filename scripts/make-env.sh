#!/bin/sh
# Writes .env from .env.example with a fresh random value for each password and token; never over one that is there.
#   scripts/make-env.sh [FILE]
set -eu
umask 077
cd "$(dirname "$0")/.."
file=${1:-.env}

if [ -e "$file" ]; then
  echo "$file is there already. Its passwords are those of your volumes: keep it, or name another file." >&2
  exit 1
fi
trap 'rm -f "$file.part"' EXIT
while IFS= read -r line; do
  case $line in
    # Of a server that is there already: only its operator knows it.
    TONGCANG_SMTP_PASSWORD=) printf '%s\n' "$line" ;;
    *_PASSWORD= | *_TOKEN=)
      secret=$(od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n')
      # An empty password would be one that everybody knows.
      [ ${#secret} -eq 48 ] || { echo "No random numbers can be had here: $file is not written." >&2; exit 1; }
      printf '%s%s\n' "$line" "$secret" ;;
    *) printf '%s\n' "$line" ;;
  esac
done < .env.example > "$file.part"
mv "$file.part" "$file"
echo "$file is written, for your eyes only. Keep a copy where you keep passwords." >&2
