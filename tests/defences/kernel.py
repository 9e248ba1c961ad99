"""The filter of system calls, some of its lines, and what each backend asks of bubblewrap or Docker."""

# ruff: noqa: E501 - names of tests

from __future__ import annotations

from reward_server.runner.kernel import REFUSED
from tests.defences.defence import WALLS, Defence, attempt

KERNEL = "reward_server/runner/kernel.py"
ZYGOTE = "reward_server/runner/zygote.py"
EMBEDDED, DOCKER = "reward_server/backends/embedded.py", "reward_server/backends/docker.py"
CALLS = "tests/contract/test_system_calls.py::test_a_call_that_anyone_may_make_is_refused"
NAMESPACES = "tests/contract/test_namespaces.py"
CONTAINER = "tests/contract/test_docker.py::test_a_container_can_do_no_more_than_the_runner_needs"

LINES = {
    "shmget": "No shared memory is left for another submission.",
    "semget": "Nor a semaphore.",
    "msgget": "Nor a queue.",
    "mq_open": "Nor a queue of the other kind.",
    "add_key": "Nor a key in the kernel's keyrings.",
    "keyctl": "Keyrings cannot be changed.",
    "memfd_create": "No memory is outside of what is measured.",
    "ptrace": "No process is traced.",
    "process_vm_readv": "Nor read.",
    "process_vm_writev": "Nor written.",
    "pidfd_getfd": "No descriptor is taken from another process.",
    "unshare": "It makes no namespaces, in which it would be root.",
    "setns": "Nor enters any.",
    "bpf": "The kernel runs no program of its.",
    "io_uring_setup": "No ring makes calls that the filter does not see.",
    "userfaultfd": "It cannot stop the kernel in the midst of a copy.",
    "perf_event_open": "Nor watch others at work.",
    "personality": "Addresses stay random.",
    "sched_setscheduler": "It cannot choose to wait, and be taken for a victim of load.",
    "setpriority": "Nor by a lower priority.",
    "mlock": "It holds no memory fast.",
}


def line(name: str) -> str:
    """Its line in the list of what is refused."""
    return f'    "{name}": {REFUSED[name]},\n'


def filtered(test: str) -> str:
    return f"tests/test_kernel.py::{test}"


ROWS = (
    Defence(
        "filter",
        "A submission makes no system call that the filter refuses.",
        ZYGOTE,
        "        kernel.install_filter()\n",
        "        pass\n",
        (f"{WALLS}::test_every_refused_call_fails_in_a_running_submission[embedded]", f"{CALLS}[embedded-unshare]"),
        "root",
    ),
    *(
        Defence(
            f"filter_{name}",
            protects,
            KERNEL,
            line(name),
            "",
            (f"{CALLS}[embedded-{name}]",),
            covered_by="limit_memlock" if name == "mlock" else "",
        )
        for name, protects in LINES.items()
    ),
    Defence(
        "filter_sockets",
        "Sockets are of the Unix family only.",
        KERNEL,
        "for call in (SOCKET, SOCKETPAIR):",
        "for call in (SOCKETPAIR,):",
        (attempt("socket.socket(socket.AF_INET)"), attempt("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)")),
    ),
    Defence(
        "filter_clone",
        "No process is forked into new namespaces.",
        KERNEL,
        "NAMESPACE_FLAGS = 0x7E020080",
        "NAMESPACE_FLAGS = 0x00000000",
        (f"{CALLS.rpartition('::')[0]}::test_no_process_is_forked_into_new_namespaces[embedded]",),
    ),
    Defence(
        "filter_clone3",
        "Nor by clone3, whose flags the filter cannot read.",
        KERNEL,
        "_instruction(JUMP_EQUAL, CLONE3[column], 0, 1),",
        "_instruction(JUMP_EQUAL, 0xFFFFFF, 0, 1),",
        (f"{CALLS.rpartition('::')[0]}::test_clone3_is_not_there[embedded]",),
    ),
    Defence(
        "filter_architecture",
        "Calls of another architecture have other numbers: whoever makes one ends.",
        KERNEL,
        "_instruction(JUMP_EQUAL, architecture, 1, 0),",
        "_instruction(JUMP_EQUAL, architecture, 1, 1),",
        (filtered("test_another_architecture_ends_the_process[x86_64]"),),
    ),
    Defence(
        "filter_x32",
        "So have the calls of x32.",
        KERNEL,
        "_instruction(JUMP_GREATER_EQUAL, X32_BIT, 0, 1)",
        "_instruction(JUMP_GREATER_EQUAL, 0xFFFFFFFF, 0, 1)",
        (filtered("test_the_x32_numbers_end_the_process"),),
    ),
    Defence(
        "filter_pipes",
        "Pipes cannot be made larger.",
        KERNEL,
        "_instruction(JUMP_EQUAL, F_SETPIPE_SZ, 0, 1),",
        "_instruction(JUMP_EQUAL, 0xFFFFFF, 0, 1),",
        (filtered("test_pipes_cannot_be_made_larger[x86_64]"),),
    ),
    # bubblewrap
    *(
        Defence(
            f"bubblewrap_{kind}",
            f"A sandbox has a namespace of its own: {kind}.",
            EMBEDDED,
            f'"--unshare-{kind}", ',
            "",
            (f"{NAMESPACES}::test_a_sandbox_has_a_namespace_of_its_own[embedded-{kind}]", *more),
        )
        for kind, more in (
            ("net", (f"{NAMESPACES}::test_a_socket_of_the_machine_is_out_of_reach[embedded]",)),
            ("ipc", ()),
            ("uts", ()),
        )
    ),
    Defence(
        "bubblewrap_session",
        "A sandbox is in no session of the server's, whose terminal it could type into.",
        EMBEDDED,
        '"--new-session", ',
        "",
        (f"{NAMESPACES}::test_its_session_is_within_the_sandbox[embedded]",),
        "root",
    ),
    Defence(
        "bubblewrap_dies_with_the_server",
        "No sandbox outlives a server that was killed.",
        EMBEDDED,
        '"--die-with-parent", ',
        "",
        (f"{NAMESPACES}::test_a_killed_server_takes_its_sandboxes_along",),
        "nobody",
        covered_by="channel_ends_the_sandbox",
    ),
    Defence(
        "channel_ends_the_sandbox",
        "The control process ends with its channel, also in the midst of a run.",
        "reward_server/runner/supervision.py",
        "self.poll.register(SERVER.channel.fileno(), select.POLLRDHUP)",
        "pass",
        (f"{NAMESPACES}::test_a_killed_server_takes_its_sandboxes_along",),
        "root",
        covered_by="bubblewrap_dies_with_the_server",
    ),
    Defence(
        "environment_is_empty",
        "Nothing of the server's environment is in the sandbox.",
        EMBEDDED,
        '"--as-pid-1", "--clearenv"]',
        '"--as-pid-1"]',
        (f"{WALLS}::test_it_learns_nothing_from_its_environment[embedded]",),
        covered_by="bubblewrap_gets_no_environment",
    ),
    Defence(
        "bubblewrap_gets_no_environment",
        "Nor in that of bubblewrap.",
        EMBEDDED,
        "bufsize=0, env={}",
        "bufsize=0",
        (f"{WALLS}::test_it_learns_nothing_from_its_environment[embedded]",),
        covered_by="environment_is_empty",
    ),
    Defence(
        "root_is_read_only",
        "Without root, the sandbox's own root folder cannot be written to.",
        EMBEDDED,
        '"--remount-ro", "/", ',
        "",
        (attempt("os.open('/left', os.O_CREAT | os.O_WRONLY)"),),
        "nobody",
    ),
    Defence(
        "devices_are_read_only",
        "Nor its folder of devices.",
        EMBEDDED,
        '"--remount-ro", "/dev", ',
        "",
        (attempt("os.open('/dev/left', os.O_CREAT | os.O_WRONLY)"),),
        "nobody",
    ),
    Defence(
        "folders_have_a_size",
        "The machine's memory cannot be filled by files.",
        EMBEDDED,
        '"--size", str(TMPFS_BYTES), ',
        "",
        (
            "tests/contract/test_limits.py::test_what_goes_over_a_limit_ends_there[embedded-x = [open(f'/tmp/{n}', 'wb').write(bytes(20 << 20)) for n in range(20)]-verdicts29]",
        ),
        "root",
    ),
    # Docker
    *(
        Defence(f"docker_{name}", protects, DOCKER, text, without, (CONTAINER,), "docker")
        for name, protects, text, without in (
            ("network", "A container has no network.", '"network_mode": "none"', '"network_mode": "bridge"'),
            ("ipc", "Nor any shared memory beside its own folder.", '"ipc_mode": "none"', '"ipc_mode": "private"'),
            ("read_only", "Its image is read-only.", '"read_only": True', '"read_only": False'),
            ("cap_drop", "It has no capability but two.", '"cap_drop": ["ALL"]', '"cap_drop": []'),
            (
                "no_new_privileges",
                "No program in it has more rights than who starts it.",
                '"security_opt": ["no-new-privileges"]',
                '"security_opt": []',
            ),
            ("pids", "Its processes are counted.", '"pids_limit": MAX_PROCESSES,', '"pids_limit": 100_000,'),
            ("memory", "Its memory is bounded.", "+ len(folders) * TMPFS_BYTES + RUNNER_BYTES", "+ (1 << 40)"),
            ("swap", "With swap.", '"memswap_limit": memory,', '"memswap_limit": memory * 2,'),
            ("cpus", "Its processors are counted.", '"nano_cpus": 1_000_000_000,', '"nano_cpus": 2_000_000_000,'),
            (
                "log",
                "What is said over its channel is in no log.",
                '"log_config": {"Type": "none"}',
                '"log_config": {"Type": "json-file"}',
            ),
            ("sysctls", "System V and POSIX queues have no room.", '"sysctls": FORBIDDEN,', '"sysctls": {},'),
            ("tmpfs", "Its folders are bounded.", "size={TMPFS_BYTES}", "size={2 * TMPFS_BYTES}"),
            ("removal", "It is removed when it ends.", '"auto_remove": True', '"auto_remove": False'),
        )
    ),
)
"""Neither here: no-new-privileges of the zygote and `--unshare-pid`. Without either no sandbox starts."""
