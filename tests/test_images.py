"""The images of the Docker backend, built for real where there is a daemon and the base."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import docker.errors
import pytest

from reward_server import images
from reward_server.backends import docker_daemon
from reward_server.backends.docker import DockerBackend
from reward_server.errors import BackendUnavailable
from reward_server.settings import Settings
from tests.contract.support import ROOMY, Sandbox, stdio, without_docker
from trainer.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL = "passrate-python:latest"
PACKAGES = ("numpy", "sympy", "pandas", "sortedcontainers", "networkx", "scipy")


@pytest.fixture
def client() -> Iterator[Any]:
    try:
        client = docker_daemon.connect(images.DEFAULT_BASE).client
    except BackendUnavailable as error:
        without_docker(error)
    yield client
    client.close()


@pytest.fixture
def tiny(client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """An image that takes a second to build, in the place of ours."""
    tag = "passrate-test:tiny"
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY ca.crt /ca.crt\n")
    monkeypatch.setattr(images, "FOLDER", tmp_path)
    monkeypatch.setattr(images, "VARIANTS", {tag: {}})
    yield tag
    with contextlib.suppress(docker.errors.ImageNotFound):
        client.remove_image(tag, force=True)


def test_an_image_is_built_again_only_when_its_inputs_change(client: Any, tiny: str, tmp_path: Path) -> None:
    assert images.build(client, tiny)
    first = client.inspect_image(tiny)
    assert not images.build(client, tiny)
    assert not images.build(client, tiny, ca=b"another proxy makes no other image")
    with (tmp_path / "python" / "Dockerfile").open("a") as file:
        file.write("ENV CHANGED=1\n")
    assert images.build(client, tiny)
    assert client.inspect_image(tiny)["Id"] != first["Id"]
    with pytest.raises(docker.errors.ImageNotFound):
        client.inspect_image(first["Id"])  # no disk is lost to what was replaced
    assert first["Config"]["Labels"][images.BASE_NAME] == images.DEFAULT_BASE


def test_the_certificates_are_in_the_build(client: Any, tiny: str) -> None:
    assert images.build(client, tiny, ca=b"these")
    container = client.create_container(tiny, ["true"])
    try:
        packed, _ = client.get_archive(container["Id"], "/ca.crt")
        with tarfile.open(fileobj=io.BytesIO(b"".join(packed))) as archive:
            held = archive.extractfile("ca.crt")
            assert held is not None
            assert held.read() == b"these"
    finally:
        client.remove_container(container["Id"])


@pytest.mark.parametrize("kind", ["tree", "saved"])
def test_a_base_may_come_from_a_file(client: Any, tiny: str, tmp_path: Path, kind: str) -> None:
    """A file tree as `mmdebstrap` makes it, or what `docker save` wrote."""
    path = tmp_path / "base.tar"
    if kind == "tree":
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("marker"), io.BytesIO())
    else:
        path.write_bytes(b"".join(client.get_image(images.DEFAULT_BASE)))
    assert images.build(client, tiny, base=str(path))
    assert not images.build(client, tiny, base=str(path))
    name = client.inspect_image(tiny)["Config"]["Labels"][images.BASE_NAME]
    if kind == "tree":
        client.remove_image(name, force=True)
    else:
        assert name == images.DEFAULT_BASE


def test_a_build_that_fails_says_why(client: Any, tiny: str, tmp_path: Path) -> None:
    (tmp_path / "python" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo not so && false\n")
    with pytest.raises(BackendUnavailable, match=r"passrate-test:tiny was not built: .*not so.*non-zero code: 1"):
        images.build(client, tiny)


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--base", "none/such:base"], "the base none/such:base is not there and no registry gives it"),
        (["--base", __file__], f"--base: {__file__} is no tar archive"),
        (["--ca", "nowhere.pem"], "--ca: nowhere.pem: No such file or directory"),
        (["passrate-pyhton:slim"], "did you mean passrate-python:slim?"),
        (["--bse", "x"], "--bse: no such option; did you mean --base?"),
    ],
)
def test_wrong_input_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["images", "build", *words])
    assert caught.value.code in (1, 2)
    printed = capsys.readouterr().err
    assert told in printed
    assert printed.count("\n") == 1


@pytest.mark.docker
def test_the_full_image_has_what_submissions_expect() -> None:
    """And they run within the default limits of memory, also threads of numpy."""
    try:
        backend = DockerBackend(Settings(image=FULL))
    except BackendUnavailable as error:
        without_docker(error)
    sandbox = Sandbox(backend)
    try:
        told = sandbox.output(
            f"import json\nprint(json.dumps([__import__(name).__name__ for name in {PACKAGES!r}]))\n"
            "import numpy\nassert (numpy.ones((200, 200)) @ numpy.ones((200, 200))).sum() == 200 ** 3",
            limits=ROOMY.model_copy(update={"cpu_s": 20, "wall_s": 60}),
        )
        assert json.loads(told) == list(PACKAGES)
        assert sandbox.verdicts(stdio(("", "1"), limits=ROOMY), "print(1)") == ["passed"]
    finally:
        sandbox.close()
