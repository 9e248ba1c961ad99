"""Empties the writable folders, as the user that filled them.

Runs in a process of its own, with that user's id and limits, so that nothing a submission left there (deep trees,
folders without permissions, links, fifos) is ever opened by anything with rights.
"""

from __future__ import annotations

import os
import stat
from typing import Any, NoReturn

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def run(spec: dict[str, Any]) -> NoReturn:
    for path in spec["sweep"]:
        try:
            empty(os.open(path, FOLDER_FLAGS))
        except OSError:
            pass
    os._exit(0)


def empty(folder: int) -> None:
    """Remove all that lies in a folder, however deep, with a fixed number of descriptors. Closes it.

    A subfolder's entries are moved up into `folder` before it is removed, so that depth never grows. Their new names
    are random: a folder that had such a name already could not be replaced.
    """
    moved, prefix = 0, f".swept-{os.urandom(16).hex()}"
    while True:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
        if not names:
            os.close(folder)
            return
        before = moved
        for name in names:
            if not is_folder(folder, name):
                os.unlink(name, dir_fd=folder)
                moved += 1
                continue
            os.chmod(name, stat.S_IRWXU, dir_fd=folder)
            inner = os.open(name, FOLDER_FLAGS, dir_fd=folder)
            try:
                with os.scandir(inner) as entries:
                    held = [entry.name for entry in entries]
                for inside in held:
                    moved += 1
                    if is_folder(inner, inside):
                        os.chmod(inside, stat.S_IRWXU, dir_fd=inner)  # a folder without write cannot be moved
                        os.rename(inside, f"{prefix}-{moved}", src_dir_fd=inner, dst_dir_fd=folder)
                    else:
                        os.unlink(inside, dir_fd=inner)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=folder)
            moved += 1
        if moved == before:
            raise OSError("no progress")


def is_folder(folder: int, name: str) -> bool:
    return stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode)
