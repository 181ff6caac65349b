#!/bin/bash
# Succeeds when each named model has a version in state AVAILABLE: bash available.sh MODEL...
#
# The HTTP status is no answer: the server says 200 about a model that is still loading or has failed to load.
# Plain bash, because the server's image has neither curl nor wget.
for model in "$@"; do
  exec {server}<> "/dev/tcp/127.0.0.1/${REST_PORT:-8501}" || exit 1
  printf 'GET /v1/models/%s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$model" >&"$server"
  # Everything up to the end of the answer, which is where this read fails, or two seconds.
  IFS= read -r -d '' -t 2 answer <&"$server"
  exec {server}>&-
  if ! [[ $answer =~ \"state\":[[:space:]]*\"AVAILABLE\" ]]; then
    echo "$model: not available" >&2
    exit 1
  fi
done
