#!/bin/sh
# early_crashes.sh CHILD STAMPS LINES: a program that crashes 0.3 s after its start until its stamps have so many lines.
if [ "$(cat "$2" 2>/dev/null | wc -l)" -lt "$3" ]; then
  exec "$1" "stamp $2" "exit 1 after 300ms"
fi
exec "$1" "stamp $2"
