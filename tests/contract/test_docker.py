"""What holds of containers alone: they end with their server, and a lost one costs nothing but itself."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends import docker_daemon
from reward_server.backends.docker import DockerBackend
from reward_server.backends.docker_channels import SocketChannel
from reward_server.backends.sandboxed import SandboxedSlot
from reward_server.errors import BackendUnavailable, SandboxLost
from reward_server.judging import plan
from reward_server.settings import Settings
from tests.contract.support import IMAGE, REPOSITORY, ROOMY, Sandbox, asserts, docker_here, stdio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.support import Sandboxes

SLEEP = plan(stdio(("", ""), limits=ROOMY.model_copy(update={"wall_s": 60})), "import time\ntime.sleep(40)")
HOLDER = """
import asyncio, sys
from tests.contract.test_docker import SLEEP, backend
async def hold():
    slot = await backend(transport=sys.argv[1]).open_slot()
    print("running", flush=True)
    if sys.argv[2] == "busy":
        await slot.run(SLEEP)
    await asyncio.sleep(60)
asyncio.run(hold())
"""


def backend(**settings: Any) -> DockerBackend:
    return DockerBackend(Settings(image=IMAGE, **settings))


@pytest.fixture(autouse=True)
def _no_other_containers(sandboxes: Sandboxes) -> None:
    sandboxes.rest()


@pytest.fixture
def client() -> Iterator[Any]:
    client = docker_here()
    yield client
    client.close()


def containers_of(client: Any, pid: int) -> list[str]:
    owner = docker_daemon.identity(pid)
    found = client.containers(all=True, filters={"label": docker_daemon.OWNER})
    return [row["Id"] for row in found if row["Labels"][docker_daemon.OWNER] == owner]


def await_end_of(client: Any, pid: int) -> None:
    """A container that the daemon is removing is listed a moment longer."""
    until = time.monotonic() + 15
    while left := containers_of(client, pid):
        assert time.monotonic() < until, left
        time.sleep(0.05)


@pytest.fixture(params=["socket", "attach"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("state", ["busy", "idle"])
def test_a_killed_server_takes_its_containers_along(client: Any, transport: str, state: str) -> None:
    """Seen red, for the busy one: without the channel in `supervision.Loop` it ran on to the end of its job."""
    command = [sys.executable, "-c", HOLDER, transport, state]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "running\n"
            assert len(containers_of(client, server.pid)) == 1
            time.sleep(0.5)
        finally:
            server.kill()
    await_end_of(client, server.pid)


def test_a_container_that_is_killed_is_lost_and_no_verdict(client: Any, transport: str) -> None:
    async def lose() -> None:
        slots = backend(transport=transport)
        slot = await slots.open_slot()
        running = asyncio.create_task(slot.run(SLEEP))
        await asyncio.sleep(0.5)
        (container,) = containers_of(client, os.getpid())
        await asyncio.to_thread(client.kill, container)
        with pytest.raises(SandboxLost):
            await running
        assert slot.spent
        await slot.close()
        await slots.close()

    asyncio.run(lose())
    await_end_of(client, os.getpid())


def test_a_container_that_ends_before_it_connects_is_not_waited_for(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red where only the time a start may take ends the wait: all that was queued meanwhile was given up with it."""
    monkeypatch.setattr(SocketChannel, "prelude", "raise SystemExit\n")

    async def open_one() -> None:
        slots = backend(transport="socket")
        with pytest.raises(BackendUnavailable, match="ended before it connected"):
            await slots.open_slot()
        await slots.close()

    asyncio.run(open_one())
    await_end_of(client, os.getpid())


@pytest.mark.parametrize("failure", [EOFError, BrokenPipeError, ConnectionResetError, TimeoutError])
def test_a_container_that_ends_as_it_starts_is_not_called_a_broken_daemon(
    client: Any, failure: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red before: `the Docker daemon … does not work: [Errno 32] Broken pipe`, or only that the image is at fault."""

    async def start(*_: Any) -> None:
        raise failure

    async def open_one() -> None:
        slots = backend()
        try:
            await slots.open_slot()
        finally:
            await slots.close()

    monkeypatch.setattr(SandboxedSlot, "start", start)
    with pytest.raises(
        BackendUnavailable, match=f"{failure.__name__}.: the container was killed, or the image is broken"
    ):
        asyncio.run(open_one())
    await_end_of(client, os.getpid())


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1, 0.2])
def test_a_cancelled_start_leaves_no_container(client: Any, transport: str, after_s: float) -> None:
    async def cancel() -> None:
        slots = backend(transport=transport)
        opening = asyncio.create_task(slots.open_slot())
        await asyncio.sleep(after_s)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await opening).close()  # it was faster
        await slots.close()

    asyncio.run(cancel())
    await_end_of(client, os.getpid())


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("size", [0, 1, 65536, 5_000_000])
def test_bytes_of_any_size_cross_by_either_way(transport: str, size: int) -> None:
    """Docker's attach stream comes in frames of its own, which do not end where ours do."""
    sandbox = Sandbox(backend(transport=transport))
    text = "".join(random.Random(size).choices("abc\n", k=size))
    try:
        assert sandbox.output("import sys\nsys.stdout.write(sys.stdin.read())", text, limits=ROOMY) == text
        assert sandbox.output("print(1)") == "1\n"
    finally:
        sandbox.close()


@pytest.mark.usefixtures("client")
def test_a_daemon_that_sees_other_files_is_talked_to_by_its_attach_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """As from within a container: the folder of the socket is none of the daemon's machine."""
    listen = SocketChannel.__init__

    def elsewhere(channel: SocketChannel) -> None:
        listen(channel)
        channel.host_options["mounts"][0]["Source"] += "-elsewhere"

    monkeypatch.setattr(SocketChannel, "__init__", elsewhere)
    sandbox = Sandbox(slots := backend())
    try:
        assert sandbox.output("print(1)") == "1\n"
    finally:
        sandbox.close()
    assert slots.transport == "attach"


@pytest.mark.usefixtures("client")
def test_a_way_that_has_worked_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that is lost while it starts makes no later one slower."""

    async def open_three() -> None:
        slots = backend()
        await (await slots.open_slot()).close()
        with monkeypatch.context() as patch:
            patch.setattr(SocketChannel, "prelude", "raise SystemExit\n")
            with pytest.raises(BackendUnavailable, match="ended before it connected"):
                await slots.open_slot()
        await (await slots.open_slot()).close()
        assert slots.transport == "socket"
        await slots.close()

    asyncio.run(open_three())


@pytest.mark.usefixtures("client")
def test_fresh_gives_every_submission_a_new_container() -> None:
    sandbox = Sandbox(backend(fresh=True))
    try:
        for _ in range(3):
            assert sandbox.verdicts(stdio(("", "1"), limits=ROOMY), "print(1)") == ["passed"]
    finally:
        sandbox.close()
    assert sandbox.replaced == 2


@pytest.mark.usefixtures("client")
def test_an_unknown_runtime_is_refused_with_those_there_are() -> None:
    with pytest.raises(BackendUnavailable, match=r"the Docker daemon knows no 'runscc', but .*runc"):
        backend(runtime="runscc")


def test_a_missing_image_names_the_command(client: Any) -> None:
    assert client.ping()
    with pytest.raises(BackendUnavailable, match="image none:none is not there: build it with `passrate images build`"):
        docker_daemon.connect("none:none")


@contextlib.contextmanager
def opened(slots: DockerBackend) -> Iterator[Sandbox]:
    sandbox = Sandbox(slots)
    try:
        yield sandbox
    finally:
        sandbox.close()


def test_a_container_can_do_no_more_than_the_runner_needs(client: Any) -> None:
    """Looked at from outside, for within it other layers hide a hole in this one."""
    with opened(backend(container_memory_mb=64)) as sandbox:
        sandbox.output("print(1)")
        (container,) = containers_of(client, os.getpid())
        seen = client.inspect_container(container)
        forbidden = [sysctl(client, container, name) for name in ("kernel/shmmni", "kernel/msgmni", "kernel/sem")]
    assert {"0", "0\t0\t0\t0"} == set(forbidden)
    host, config = seen["HostConfig"], seen["Config"]
    assert (host["NetworkMode"], host["IpcMode"], config["NetworkDisabled"]) == ("none", "none", True)
    assert (host["ReadonlyRootfs"], host["Privileged"], host["PidMode"]) == (True, False, "")
    assert (host["CapDrop"], sorted(name.removeprefix("CAP_") for name in host["CapAdd"])) == (
        ["ALL"],
        ["SETGID", "SETUID"],
    )
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["LogConfig"]["Type"] == "none"
    assert host["AutoRemove"]
    assert host["PidsLimit"] == 1024
    assert host["Memory"] == host["MemorySwap"] == (64 + 4 * 128 + 512) << 20
    assert host["NanoCpus"] == 1_000_000_000
    assert set(host["Tmpfs"]) == {"/box", "/tmp", "/dev/shm", "/judge"}
    assert all("size=134217728" in options and "nosuid,nodev" in options for options in host["Tmpfs"].values())
    assert [(mount["Type"], mount["RW"]) for mount in seen["Mounts"]] in ([], [("bind", False)])
    assert "docker.sock" not in str(seen["Mounts"])


def sysctl(client: Any, container: str, name: str) -> str:
    ran = client.exec_create(container, ["cat", f"/proc/sys/{name}"], user="65534")
    return str(client.exec_start(ran).decode().strip())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the state of a container's processes")
def test_the_first_process_of_a_container_has_two_capabilities(client: Any) -> None:
    with opened(backend()) as sandbox:
        sandbox.output("print(1)")
        (container,) = containers_of(client, os.getpid())
        pid = client.inspect_container(container)["State"]["Pid"]
        if not Path(f"/proc/{pid}/status").exists():
            pytest.skip("the daemon is on another machine")
        status = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        interfaces = [line.split(":")[0].strip() for line in Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]]
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"00000000000000c0"}
    assert int(status["CapInh"], 16) & ~0xC0 == int(status["CapAmb"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert interfaces == ["lo"]


@pytest.mark.alone  # what the kernel kills here would cost embedded sandboxes beside it their runs
@pytest.mark.usefixtures("client")
def test_a_submission_that_fills_its_container_has_exceeded_its_memory() -> None:
    """Killed by the kernel within its own limit, which is ours to prevent and not to blame on the machine.

    Seen red without the control group's counter: the run was lost.
    """
    roomy = ROOMY.model_copy(update={"memory_mb": 8192})  # no server lets this through
    with opened(backend(container_memory_mb=64)) as sandbox:
        fill = "import mmap\nm = mmap.mmap(-1, 2 << 30)\nfor i in range(0, 2 << 30, 4096): m[i] = 1"
        assert sandbox.verdicts(stdio(("", ""), limits=roomy), fill) == ["memory_exceeded"]
        assert sandbox.output("print(1)") == "1\n"


@pytest.mark.usefixtures("client")
def test_containers_keep_to_the_cpuset() -> None:
    with opened(backend(cpuset="0", slots=4)) as sandbox:
        assert sandbox.output("import os\nprint(os.sched_getaffinity(0))") == "{0}\n"


@pytest.mark.usefixtures("client")
def test_a_cpuset_that_there_is_not_is_refused_by_name() -> None:
    slots = backend(cpuset="4095")
    with pytest.raises(BackendUnavailable, match=r"cpuset: the Docker daemon refuses it .*: correct PASSRATE_CPUSET"):
        asyncio.run(slots.open_slot())
    asyncio.run(slots.close())


@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
def test_a_remote_daemon_is_talked_to_by_its_attach_stream(
    client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secure: bool
) -> None:
    """By a port that leads to the daemon, and sees none of our files."""
    assert client.ping()
    context = None
    if secure:
        context = certified(tmp_path)
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with port_to_the_daemon(context) as port:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://localhost:{port}")
        with opened(backend(transport="attach")) as sandbox:
            text = "x" * 3_000_000
            assert sandbox.output("print(input())", text) == text + "\n"
            time.sleep(0.5)
            assert sandbox.output("print(1)") == "1\n"
    await_end_of(client, os.getpid())


def certified(folder: Path) -> ssl.SSLContext:
    """Make the certificate of a server that asks for one, which is also its client's and its own authority's."""
    names = {"key": folder / "key.pem", "cert": folder / "cert.pem"}
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(names["key"]), "-out", str(names["cert"])]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "ca.pem").write_bytes(names["cert"].read_bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(names["cert"]))
    context.load_cert_chain(names["cert"], names["key"])
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextlib.contextmanager
def port_to_the_daemon(context: ssl.SSLContext | None) -> Iterator[int]:
    path = docker_daemon.host().removeprefix("unix://")

    async def serve(ready: threading.Event) -> None:
        forwards: list[Any] = []

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            forwards.append(asyncio.current_task())
            there, here = await asyncio.open_unix_connection(path)

            async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                with contextlib.suppress(OSError):
                    while piece := await source.read(1 << 16):
                        sink.write(piece)
                        await sink.drain()
                for end in (here, writer):
                    end.close()

            await asyncio.gather(carry(reader, here), carry(there, writer))

        server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
        served["port"] = server.sockets[0].getsockname()[1]
        served["stop"] = stop = asyncio.Event()
        served["loop"] = asyncio.get_running_loop()
        ready.set()
        await stop.wait()
        server.close()
        gc.collect()  # the docker package leaves a last connection to the collector
        await asyncio.gather(*forwards)

    served: dict[str, Any] = {}
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(ready)))
    thread.start()
    ready.wait(10)
    try:
        yield served["port"]
    finally:
        served["loop"].call_soon_threadsafe(served["stop"].set)
        thread.join()


def test_a_machine_that_stood_still_costs_no_verdict(client: Any) -> None:
    """A virtual machine that is paused lets the clock run on, and nobody waits for a processor.

    Seen red without the loop's `stalled_s`: a `wall_timeout`.
    """
    limits = ROOMY.model_copy(update={"wall_s": 1.0})
    with opened(backend()) as sandbox:
        sandbox.output("print(1)")
        (container,) = containers_of(client, os.getpid())

        def pause() -> None:
            time.sleep(0.2)
            client.pause(container)
            time.sleep(2.0)
            client.unpause(container)

        for problem, code in (
            (stdio(("", "1"), limits=limits), "import time\ntime.sleep(0.6)\nprint(1)"),
            (asserts("assert f() == 1", limits=limits), "import time\ndef f():\n    time.sleep(0.6)\n    return 1"),
            (stdio(("", "1"), limits=limits), "import time\ntime.sleep(6)\nprint(1)"),
        ):
            pausing = threading.Thread(target=pause)
            pausing.start()
            verdicts = sandbox.verdicts(problem, code)
            assert verdicts == (["wall_timeout"] if "sleep(6)" in code else ["passed"])
            pausing.join()
