"""Builds the sandbox images at a Docker daemon.

An image is labelled with a hash of what it was made from, and is built again only when that changes. The judge's pytest
is copied from this installation, so that tests behave alike on every backend. Where a registry answers, the base is
pinned by its digest; where none does, it may come from a file, or from `sandbox_images/make_base.sh`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import docker
import docker.errors

from reward_server.backends.contents import library_packages
from reward_server.backends.docker_daemon import FAILURES, why_silent
from reward_server.errors import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = Path(__file__).resolve().parent.parent / "sandbox_images"
DEFAULT_BASE: Final = "debian:trixie-slim"
INPUTS: Final = "passrate.inputs"
BASE_NAME, BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
VARIANTS: Final[dict[str, dict[str, str]]] = {
    "passrate-python:latest": {},
    "passrate-python:slim": {"PACKAGES": ""},
}
"""The arguments of each image's build."""
SAVED: Final = frozenset({"manifest.json", "index.json"})
"""What an archive holds that `docker save` made, and the file tree of a base does not."""
LAST_WORDS: Final = 3


def build(
    client: docker.APIClient,
    tag: str,
    *,
    base: str = DEFAULT_BASE,
    ca: bytes = b"",
    network: str | None = None,
    on_line: Callable[[str], None] = lambda _: None,
) -> bool:
    """Build one image. Returns: False when it is there already. Raises: BackendUnavailable.

    Args:
        client: of the daemon.
        tag: one of `VARIANTS`.
        base: the image to build on, or a file: an archive of `docker save`, or a file tree as a tar archive.
        ca: certificates in PEM that the build is to trust, as behind a company's proxy.
        network: Docker's network for the build.
        on_line: is told what the build prints.
    """
    try:
        source, labels = base_image(client, base)
        arguments = {"BASE": source, **VARIANTS[tag]}
        made_from = context()
        inputs = hashlib.sha256(made_from + repr((sorted(arguments.items()), labels)).encode()).hexdigest()
        replaced: str | None = None
        with contextlib.suppress(docker.errors.ImageNotFound):
            found = client.inspect_image(tag)
            if (found["Config"]["Labels"] or {}).get(INPUTS) == inputs:
                return False
            replaced = found["Id"]
        said: list[str] = []
        for step in client.build(
            fileobj=io.BytesIO(context(ca)),
            custom_context=True,
            tag=tag,
            rm=True,
            forcerm=True,
            decode=True,
            buildargs=arguments,
            labels={INPUTS: inputs, **labels},
            network_mode=network,
        ):
            if "error" in step:
                raise BackendUnavailable(f"{tag} was not built: {' | '.join([*said[-LAST_WORDS:], step['error']])}")
            lines = step.get("stream", "").splitlines()
            said += filter(str.strip, lines)
            for line in lines:
                on_line(line)
        if replaced is not None:
            with contextlib.suppress(docker.errors.APIError):  # a container may still run on it
                client.remove_image(replaced)
    except FAILURES as error:
        text = str(getattr(error, "explanation", None) or error)
        raise BackendUnavailable(
            f"{tag} was not built: {text}" if isinstance(error, docker.errors.APIError) else why_silent(text)
        ) from None
    return True


def base_image(client: docker.APIClient, base: str) -> tuple[str, dict[str, str]]:
    """Have the base at the daemon. Returns: the reference to build from, and labels that say what it is.

    Raises: BackendUnavailable, FAILURES.
    """
    name = from_file(client, Path(base)) if Path(base).is_file() else base
    try:
        found = client.inspect_image(name)
    except docker.errors.ImageNotFound:
        try:
            for step in client.pull(name, stream=True, decode=True):
                if "error" in step:
                    raise docker.errors.DockerException(step["error"])
            found = client.inspect_image(name)
        except FAILURES as error:
            raise BackendUnavailable(
                f"the base {name} is not there and no registry gives it ({error}): make it from Debian's packages with "
                "sandbox_images/make_base.sh, or bring it as a file: --base FILE.tar"
            ) from None
    digest = next(iter(found.get("RepoDigests") or []), None)  # only what came from a registry has one
    return digest or name, {BASE_NAME: name, BASE_DIGEST: (digest or found["Id"]).rpartition("@")[2]}


def from_file(client: docker.APIClient, path: Path) -> str:
    """Bring an archive to the daemon. Returns: its name there. Raises: BackendUnavailable, FAILURES."""
    try:
        with tarfile.open(path) as archive:
            saved = any(entry.name.removeprefix("./") in SAVED for entry in archive)
    except (OSError, tarfile.TarError) as error:
        raise BackendUnavailable(f"--base: {path} is no tar archive ({error})") from None
    if saved:
        with path.open("rb") as file:
            said = "".join(step.get("stream", "") for step in client.load_image(file))
        loaded: str = said.rpartition(": ")[2].strip()
        return loaded
    with path.open("rb") as file:
        tag = f"passrate-base:{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
    repository, _, version = tag.partition(":")
    try:
        client.inspect_image(tag)
    except docker.errors.ImageNotFound:
        client.import_image_from_file(str(path), repository=repository, tag=version)
    return tag


def context(ca: bytes = b"") -> bytes:
    """Return what an image is made from, as a tar archive: the same bytes for the same files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        add(archive, "Dockerfile", (FOLDER / "python" / "Dockerfile").read_bytes())
        add(archive, "ca.crt", ca)
        for name, place in library_packages():
            for path in sorted(Path(place).rglob("*.py")) if Path(place).is_dir() else [Path(place)]:
                add(archive, f"judge/{name}/{path.relative_to(place)}".removesuffix("/."), path.read_bytes())
    return packed.getvalue()


def add(archive: tarfile.TarFile, name: str, text: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text), 0o644
    archive.addfile(entry, io.BytesIO(text))
