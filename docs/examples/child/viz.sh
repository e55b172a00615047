#!/bin/bash
# Depth 2. Bash opens no Unix sockets by itself: socat (or nc -U) carries the lines.
coproc SOCKET { exec socat - "UNIX-CONNECT:$HANA_SOCK"; }
tell() { printf '%s\n' "$1" >&"${SOCKET[1]}"; }
tell '{"t":"hello","v":1,"token":"'"$HANA_TOKEN"'","name":"viz","caps":["hb","stop","frame"]}'
tell '{"t":"ready"}'
for ((frame = 1;; frame++)); do # draw here, in the time that read waits
  read -r -t 0.5 -u "${SOCKET[0]}" asked; status=$?
  case $asked in *'"stop"'*) break ;; *'"ping"'*) tell "${asked/ping/pong}" ;; esac
  ((status == 0 || status > 128)) || break # the shim is gone
  ((frame % 2)) || tell '{"t":"hb","frame":'"$frame"'}'
done
