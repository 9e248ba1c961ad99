#!/usr/bin/env bash
# Makes the base image from Debian's packages, for machines that no image registry answers. Needs root, mmdebstrap and a
# Docker daemon. MIRROR names another mirror than the system's default.
set -euo pipefail
TAG="${1:-debian:trixie-slim}"

for tool in mmdebstrap docker; do
  command -v "$tool" >/dev/null || { echo "make_base.sh: $tool is missing: apt-get install mmdebstrap docker.io" >&2; exit 2; }
done
docker version >/dev/null 2>&1 || { echo "make_base.sh: no Docker daemon answers: start dockerd" >&2; exit 2; }

mmdebstrap --quiet --variant=minbase --include=ca-certificates trixie - ${MIRROR:+"$MIRROR"} |
  docker import --change 'CMD ["bash"]' - "$TAG"
