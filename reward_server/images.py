"""Builds the sandbox images: `python -m reward_server.images [--base TAG] [--network MODE]`.

An image carries a hash of what it was made from, and is built again only when that changes. The judge's pytest is
copied from this installation, so that tests behave alike on every backend.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import sys
import tarfile
from pathlib import Path
from typing import Final

import docker
import docker.errors
import requests

from reward_server.backends.docker import connect
from reward_server.backends.embedded import library_packages
from reward_server.errors import BackendUnavailable

FOLDER: Final = Path(__file__).resolve().parent.parent / "sandbox_images"
INPUTS: Final = "passrate.inputs"
VARIANTS: Final[dict[str, dict[str, str]]] = {
    "passrate-python:latest": {},
    "passrate-python:slim": {"PACKAGES": ""},
}


def context() -> bytes:
    """What an image is made from, as a tar archive: the same bytes for the same files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        add(archive, "Dockerfile", FOLDER / "python" / "Dockerfile")
        for name, place in library_packages():
            for path in sorted(Path(place).rglob("*.py")) if Path(place).is_dir() else [Path(place)]:
                add(archive, f"judge/{name}/{path.relative_to(place)}".removesuffix("/."), path)
    return packed.getvalue()


def add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    text = path.read_bytes()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text), 0o644
    archive.addfile(entry, io.BytesIO(text))


def build(client: docker.APIClient, tag: str, base: str, network: str | None) -> bool:
    """Build one image. Returns False when it is there already. Raises: BackendUnavailable."""
    made_from, arguments = context(), {"BASE": base, **VARIANTS[tag]}
    inputs = hashlib.sha256(made_from + repr(sorted(arguments.items())).encode())
    with contextlib.suppress(docker.errors.ImageNotFound):  # then the build fetches it, where a registry answers
        inputs.update(client.inspect_image(base)["Id"].encode())
    try:
        if (client.inspect_image(tag)["Config"]["Labels"] or {}).get(INPUTS) == inputs.hexdigest():
            return False
    except docker.errors.ImageNotFound:
        pass
    steps = client.build(
        fileobj=io.BytesIO(made_from),
        custom_context=True,
        tag=tag,
        rm=True,
        forcerm=True,
        decode=True,
        buildargs=arguments,
        labels={INPUTS: inputs.hexdigest()},
        network_mode=network,
    )
    for step in steps:
        print(step.get("stream", ""), end="", flush=True)
        if "error" in step:
            raise BackendUnavailable(
                f"{tag} was not built: {step['error'].strip()}; where no registry answers, make the base with "
                "sandbox_images/make_base.sh first"
            )
    return True


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="reward_server.images", description="Build the sandbox images.")
    parser.add_argument("--base", default="debian:trixie-slim", help="the image to build on (%(default)s)")
    parser.add_argument("--network", help="Docker's network for the build, such as host")
    parser.add_argument("tags", nargs="*", metavar="IMAGE", help=f"{' or '.join(VARIANTS)}; both unless named")
    given = parser.parse_args(arguments)
    unknown = [tag for tag in given.tags if tag not in VARIANTS]
    if unknown:
        parser.error(f"there is no image {unknown[0]}, but {' and '.join(VARIANTS)}")
    try:
        client = connect()
        for tag in given.tags or VARIANTS:
            print(f"{tag}: {'built' if build(client, tag, given.base, given.network) else 'is up to date'}")
    except (BackendUnavailable, docker.errors.DockerException, requests.RequestException) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
