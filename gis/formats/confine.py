"""The walls of the process that reads a file of unknown origin; run as a script, it reads behind them.

Standard library only: the walls stand before any other code is loaded, and before any thread is.
    limits    memory, processor time, size of what is written (POSIX)
    landlock  files: Python's own to read, the private folder to write, nothing else (Linux 5.13)
    seccomp   no socket, no other program (Linux on x86-64 and arm64)
Where a system lacks one, the others stand; `confine` says which do.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import struct
import sys
import types
from pathlib import Path

# Bits of Landlock's rights over files (linux/landlock.h); those a kernel knows depend on its version.
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many bits there are
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_SET_NO_NEW_PRIVILEGES = 38
# Numbers of socket, execve, execveat, ptrace, io_uring_setup, and of seccomp, by machine (asm/unistd.h).
_MACHINES = {
    "x86_64": (0xC000003E, (41, 59, 322, 101, 425), 317),
    "aarch64": (0xC00000B7, (198, 221, 281, 117, 425), 277),
}
_X32_CALLS = 0x40000000
_ALLOW, _DENY = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM
_LOAD, _IF_EQUAL, _IF_NOT_LESS, _RETURN = 0x20, 0x15, 0x35, 0x06  # steps of a filter (linux/bpf_common.h)
# What the system's own libraries read at run time.
_SYSTEM_FILES = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/self",
    "/sys/devices/system/cpu",
)


def confine(folder: Path, readable: list[str], listed: list[str], limits: dict[str, int]) -> list[str]:
    """Put up every wall the system has; returns their names.

    Parameters
    ----------
    folder
        The private folder: the only place to write.
    readable, listed
        Further folders to read, of Python's own code; folders whose file names alone are read.
    limits
        "memory_bytes", "cpu_s" and "written_bytes".
    """
    standing = []
    if _limit(limits):
        standing.append("limits")
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        standing += ["landlock"] * _fence_files(libc, folder, readable, listed)
        standing += ["seccomp"] * _fence_calls(libc)
    return standing


def _limit(limits: dict[str, int]) -> bool:
    try:
        import resource
    except ImportError:  # Windows
        return False
    for kind, most in (
        ("RLIMIT_DATA", limits["memory_bytes"]),
        ("RLIMIT_AS", limits["memory_bytes"] + 2**31),  # code and reserved addresses come on top
        ("RLIMIT_CPU", limits["cpu_s"]),
        ("RLIMIT_FSIZE", limits["written_bytes"]),
        ("RLIMIT_CORE", 0),
    ):
        number = getattr(resource, kind)
        hard = resource.getrlimit(number)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(number, (most, most))
        except (OSError, ValueError):  # macOS knows the limits of memory and does not take them
            continue
    return True


def _fence_files(libc: ctypes.CDLL, folder: Path, readable: list[str], listed: list[str]) -> bool:
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    every = (1 << _RIGHTS_BY_VERSION[min(version, max(_RIGHTS_BY_VERSION))]) - 1
    handled = struct.pack("Q", every)
    ruleset = libc.syscall(_CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    if ruleset < 0:
        return False
    rules = [(str(folder), every), ("/dev/null", _READ | _WRITE), ("/dev/urandom", _READ)]
    rules += [(path, _EXECUTE | _READ | _LIST) for path in (*_SYSTEM_FILES, *readable)]
    rules += [(path, _LIST) for path in listed]
    for path, rights in rules:
        _allow(libc, ruleset, path, rights & every)
    done = libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return done


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not on this system
        return
    if not Path(path).is_dir():
        rights &= _EXECUTE | _WRITE | _READ
    libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, place), 0)
    os.close(place)


def _fence_calls(libc: ctypes.CDLL) -> bool:
    if platform.machine() not in _MACHINES:
        return False
    machine, denied, seccomp = _MACHINES[platform.machine()]
    count = len(denied)  # a small program: jumps are counted from the next step to the last one, "denied"
    steps = [
        (_LOAD, 0, 0, 4),
        (_IF_EQUAL, 0, count + 3, machine),
        (_LOAD, 0, 0, 0),
        (_IF_NOT_LESS, count + 1, 0, _X32_CALLS),
        *((_IF_EQUAL, count - at, 0, call) for at, call in enumerate(denied)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _DENY),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HP", len(steps), ctypes.addressof(code))
    return bool(libc.syscall(seccomp, 1, 0, program) == 0)


def main() -> None:
    """Read the request, put up the walls, and only then load what reads files."""
    folder = Path(sys.argv[1])
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    # Of the package only what reads is loaded, not what its front page names.
    package = types.ModuleType("gis")
    package.__path__ = [request["package"]]
    sys.modules["gis"] = package
    request["walls"] = confine(folder, request["readable"], request["listed"], request["limits"])
    from gis.formats.child import answer

    answer(folder, request)


if __name__ == "__main__":
    main()
