"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from contextkit.errors import ConfigError

__all__ = ["write_whole"]


def write_whole(file: Path, text: str | bytes) -> None:
    """Put a text (UTF-8, line ends as they are) in the place of a file's content; its mode stays, a link stays one.

    What is no regular file, /dev/stdout say, is written to as it is.

    Raises:
        ConfigError: the file cannot be written; it is then as it was.
    """
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    target = Path(os.path.realpath(file))
    name = ""
    try:
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and not stat.S_ISREG(mode):
            file.write_bytes(raw)
            return
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(stat.S_IMODE(mode) if mode is not None else 0o666 & ~_umask())
        Path(name).replace(target)
    except OSError as error:
        if name:
            with suppress(OSError):
                Path(name).unlink(missing_ok=True)
        raise ConfigError(f"the file cannot be written: {error.strerror}", where=str(file), fix="Check it.") from None


def _umask() -> int:
    """The mask for new files; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
