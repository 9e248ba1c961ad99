#!/bin/sh
# Leaves root behind: of root's rights the server needs only those of the Docker socket's group.
set -eu
if [ "$(id -u)" = 0 ]; then
  socket="${DOCKER_HOST:-unix:///var/run/docker.sock}"
  group=$(stat -c %g "${socket#unix://}" 2>/dev/null || echo 65534)
  exec setpriv --reuid passrate --regid passrate --groups "$group" --no-new-privs -- passrate "$@"
fi
exec passrate "$@"
