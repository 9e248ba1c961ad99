"""The seccomp filter, instruction by instruction: a small interpreter of BPF runs it."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING

import pytest

from reward_server.runner.kernel import (
    CLONE,
    CLONE3,
    FCNTL,
    LOAD,
    NAMESPACE_FLAGS,
    REFUSED,
    RET_ALLOW,
    RET_ERRNO,
    RET_KILL,
    RETURN,
    SOCKET,
    SOCKETPAIR,
    lacks,
    seccomp_program,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
JUMPS: dict[int, Callable[[int, int], bool]] = {
    0x15: lambda held, operand: held == operand,
    0x35: lambda held, operand: held >= operand,
    0x45: lambda held, operand: bool(held & operand),
}
EPERM = RET_ERRNO | errno.EPERM

both = pytest.mark.parametrize("machine", ARCHITECTURES)


def test_a_kernel_that_cannot_do_what_the_runner_needs_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacks() == []

    def refused(pid: int) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("os.pidfd_open", refused)
    monkeypatch.setattr("os.path.exists", lambda _: False)
    assert lacks() == ["/proc/self/schedstat", "pidfd_open"]


def decide(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter says to a system call."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    call = struct.pack("=iIQ6Q", number, architecture or ARCHITECTURES[machine][1], 0, *padded)
    program = list(struct.iter_unpack("=HBBI", seccomp_program(machine)))
    held, at = 0, 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        if code == LOAD:
            (held,) = struct.unpack_from("=I", call, operand)
        elif code == RETURN:
            assert isinstance(operand, int)
            return operand
        else:
            at += if_true if JUMPS[code](held, operand) else if_false


@both
def test_every_listed_call_is_refused(machine: str) -> None:
    """Seen red: with a line of `REFUSED` left out of the program's loop."""
    column, _ = ARCHITECTURES[machine]
    for name, row in REFUSED.items():
        number = row[column]
        assert number is None or decide(machine, number) == EPERM, name


@both
def test_all_else_is_allowed(machine: str) -> None:
    column, _ = ARCHITECTURES[machine]
    special = {row[column] for row in (CLONE, CLONE3, SOCKET, SOCKETPAIR, FCNTL)}
    listed = {row[column] for row in REFUSED.values()}
    for number in set(range(480)) - listed - special:
        assert decide(machine, number) == RET_ALLOW, number


@both
def test_another_architecture_ends_the_process(machine: str) -> None:
    """The numbers of 32-bit calls are others: the list would refuse the wrong ones."""
    assert decide(machine, 0, architecture=0x40000003) == RET_KILL


def test_the_x32_numbers_end_the_process() -> None:
    """The same calls under other numbers, 2**30 higher."""
    assert decide("x86_64", 0x40000000 | 101) == RET_KILL
    assert decide("x86_64", -1) == RET_KILL


@both
def test_new_namespaces_are_refused_and_threads_are_not(machine: str) -> None:
    column, _ = ARCHITECTURES[machine]
    for bit in range(32):
        flag = 1 << bit
        expected = EPERM if flag & NAMESPACE_FLAGS else RET_ALLOW
        assert decide(machine, CLONE[column], flag | (17 if flag > 0xFF else 0)) == expected, hex(flag)
    assert decide(machine, CLONE[column], 0x3D0F00) == RET_ALLOW  # pthread_create
    assert decide(machine, CLONE3[column]) == RET_ERRNO | errno.ENOSYS


@both
def test_sockets_are_of_the_unix_family_only(machine: str) -> None:
    column, _ = ARCHITECTURES[machine]
    for call in (SOCKET, SOCKETPAIR):
        for family in range(64):
            expected = RET_ALLOW if family == 1 else RET_ERRNO | errno.EAFNOSUPPORT
            assert decide(machine, call[column], family) == expected


@both
def test_pipes_cannot_be_made_larger(machine: str) -> None:
    column, _ = ARCHITECTURES[machine]
    assert decide(machine, FCNTL[column], 1, 1031) == EPERM
    assert decide(machine, FCNTL[column], 1, 3) == RET_ALLOW


@both
def test_jumps_stay_inside_the_program(machine: str) -> None:
    program = list(struct.iter_unpack("=HBBI", seccomp_program(machine)))
    assert len(program) < 4096
    assert program[-1][0] == RETURN
    for at, (code, if_true, if_false, _) in enumerate(program):
        assert code in {LOAD, RETURN, *JUMPS}
        assert at + 1 + max(if_true, if_false) < len(program) or code == RETURN
