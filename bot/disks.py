"""What kind of disk a folder lies on. What follows from it: bot/doctor.py."""

from __future__ import annotations

from pathlib import Path

NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afpfs", "davfs")


def file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of file system that a folder lies on; empty where the computer does not tell."""
    try:
        lines = [line.split(" ") for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return ""
    holding = [(place, kind) for _, place, kind, *_ in lines if folder.resolve().is_relative_to(place)]
    return max(holding, key=lambda one: len(one[0]), default=("", ""))[1]
