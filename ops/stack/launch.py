"""Becomes another program that cannot outlive the process that asked for it.

Run as a script with nothing but the standard library: `python -I -S launch.py OPTIONS -- ARGV`.
It is a process of its own, and not a `preexec_fn`, because Python code between fork and exec is
unsafe in a parent with threads, and Temporal's client has some.

On Linux the kernel sends `--death-signal` when the *thread* that spawned us ends, however it
ends; spawn from the main thread. Elsewhere the program outlives a parent that is killed.
"""

import argparse
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def main() -> None:
    """Read the options, change into what they describe, and run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parent", type=int, required=True, help="pid that must be our parent")
    parser.add_argument("--death-signal", type=int, default=int(signal.SIGKILL))
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument(
        "--keep-access",
        action="store_true",
        help="as another user, still reach files in directories that only root may enter",
    )
    parser.add_argument("argv", nargs="+")
    options = parser.parse_args()
    if options.uid is not None:
        _become(options.uid, options.gid, keep_access=options.keep_access)
    if sys.platform == "linux":
        # After the change of user, which clears it.
        _prctl(_PR_SET_PDEATHSIG, options.death_signal)
        if os.getppid() != options.parent:
            sys.exit("the supervisor is gone")
    try:
        os.execv(options.argv[0], options.argv)  # noqa: S606 - the point of this program
    except OSError as error:
        sys.exit(f"{options.argv[0]} cannot be run: {error.strerror}")


def _become(uid: int, gid: int, *, keep_access: bool) -> None:
    if keep_access:
        # Keeps capabilities over the change of user, and lets access(2), by which PostgreSQL
        # looks for its own programs, take them into account.
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if keep_access:
        _keep_only_file_access()


def _keep_only_file_access() -> None:
    """Keep one capability over the exec: the one that reaches a clone in /root."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    bits = 1 << _CAP_DAC_OVERRIDE
    sets = (_CapabilitySet * 2)(_CapabilitySet(bits, bits, bits), _CapabilitySet(0, 0, 0))
    if (
        libc.capset(ctypes.byref(header), sets) != 0
        or libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0) != 0
    ):
        sys.exit("root, but not allowed to reach a private directory as another user")


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    main()
