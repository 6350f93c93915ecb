"""Read a file of unknown origin in a process of its own, behind walls, from a private copy.

    file -> private folder (a copy) -> confine.py: walls -> child.py: reads -> Arrow files -> layers

The readers check what a file is before a library opens it; here a mistake in them or in a library costs
that process only. A crash, too much time or memory is an `InputError` in plain words. Where a system lacks
a wall (Windows has no limits) reading works without it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyogrio

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats import archive, format_of
from gis.formats.arrow import unpack
from gis.formats.child import ANSWER, to_findings
from gis.formats.gdal import DRIVERS
from gis.formats.source import Dialect, Source

_log = logging.getLogger(__name__)

_CONFINE = Path(__file__).with_name("confine.py")
_PACKAGE = Path(__file__).resolve().parents[1]
# A folder that is read: a geodatabase has some 40 files and six more a layer.
MAX_FILES = 2_000
# Environment that a reader needs; all else (proxies, credentials, GDAL's own switches) stays outside.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL")
# Parquet is compressed; its columns expand about tenfold (engineering judgement).
_PARQUET_EXPANDS = 10


@dataclass(frozen=True)
class Limits:
    """What reading one file may take.

    Attributes
    ----------
    memory_bytes
        Private memory; the libraries alone take 0.2 GB.
    cpu_s, wall_s
        Processor time, and time on the clock.
    written_bytes
        Of any one file in the private folder.
    """

    memory_bytes: int
    cpu_s: int
    wall_s: int
    written_bytes: int


def limits_for(size_bytes: int) -> Limits:
    """The limits for a file of a size: what honest files need, about threefold (docs/formats.md).

    A small file stays under 500 MB and 10 s of processor time whatever it holds; the clock is for what waits
    without working, and wide enough for a busy machine.
    """
    return Limits(
        memory_bytes=380_000_000 + 12 * size_bytes,
        cpu_s=8 + size_bytes // 4_000_000,
        wall_s=30 + size_bytes // 1_000_000,
        written_bytes=100_000_000 + 10 * size_bytes,
    )


def read_untrusted(path: Path, *, name: str | None = None, dialect: Dialect | None = None) -> Source:
    """Read the raw layers of a file of unknown origin; the parameters are those of `read_source`.

    Raises
    ------
    InputError
        Nothing there, in no known format, damaged, or reading it was stopped.
    """
    form = format_of(path, name)
    if form.own_process or not path.exists():  # a name without a file is that of data a package ships
        return form.read(path, dialect or Dialect())
    with tempfile.TemporaryDirectory(prefix="feederplan-") as private:
        folder = Path(private).resolve()
        try:
            copy, size_bytes = _copy(path, form.beside(path), folder / "source")
            limits = limits_for(size_bytes)
            request = {
                "path": str(copy),
                "name": form.name,
                "dialect": asdict(dialect or Dialect()),
                "limits": asdict(limits),
                "readable": _code_folders(),
                "listed": [str(_PACKAGE.parent)],
                "package": str(_PACKAGE),
            }
            (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
            _run(folder, limits)
            return _collect(folder)
        except InputError as error:
            raise InputError(str(path), error.findings) from error


def _copy(path: Path, beside: Iterable[Path], target: Path) -> tuple[Path, int]:
    """A copy under the same name that the process may do with as it likes; links are not followed."""
    found = path.rglob("*") if path.is_dir() else [path, *beside]
    files = [file for file in found if file.is_file() and (file == path or not file.is_symlink())]
    if len(files) > MAX_FILES:
        raise _stopped(f"the folder holds {len(files):,} files, at most {MAX_FILES:,} are read", "name one")
    for file in files:
        place = target / file.relative_to(path.parent)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return target / path.name, sum(_expanded_bytes(file) for file in files)


def _expanded_bytes(file: Path) -> int:
    """What a file holds when it is unpacked, as far as that is believed."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        magic = stream.read(4)
    if magic == b"PAR1":
        return size * _PARQUET_EXPANDS
    if magic == b"PK\x03\x04":
        expanded = archive.expanded_bytes(file)
        return size + (expanded if expanded <= archive.MAX_RATIO * size else 0)
    return size


def _code_folders() -> list[str]:
    """Where Python's own code and libraries lie."""
    libraries = [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]
    return [str(_PACKAGE), sys.prefix, sys.base_prefix, *libraries]


def _environment(folder: Path) -> dict[str, str]:
    others = sorted(set(pyogrio.list_drivers()) - DRIVERS)
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "PYTHONPATH": str(_PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "TMPDIR": str(folder),
        "TEMP": str(folder),
        "HOME": str(folder),
        "GDAL_SKIP": ",".join(others),
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
        "OGR_SQLITE_LOAD_EXTENSIONS": "",
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others keep memory in reserve, which counts
        "ARROW_IO_THREADS": "1",  # the stacks of threads count too, and machines may have many
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _run(folder: Path, limits: Limits) -> None:
    command = [sys.executable, "-P", "-s", str(_CONFINE), str(folder)]
    with (folder / "stderr.txt").open("wb") as said:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                timeout=limits.wall_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _stopped(f"reading the file took more than {limits.wall_s} s", "is it made to?") from error
    if done.returncode == 0 and (folder / ANSWER).is_file():
        return
    _log.warning("the reading process ended with %s: %s", done.returncode, _last_words(folder))
    if -done.returncode in _OUT_OF_TIME:
        raise _stopped(
            f"reading the file took more than {limits.cpu_s} s of processor time", "cut it into parts"
        )
    raise _stopped("reading the file broke the reading process", "it is damaged; take a fresh copy")


_OUT_OF_TIME = tuple(getattr(signal, name) for name in ("SIGKILL", "SIGXCPU") if hasattr(signal, name))


def _last_words(folder: Path) -> str:
    lines = (folder / "stderr.txt").read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing was said"


def _stopped(what: str, advice: str) -> InputError:
    message = f"{what}; it was stopped: {advice}"
    return InputError("file", make_findings("reading_stopped", "file", [""], message))


def _collect(folder: Path) -> Source:
    said = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
    _log.info("read behind the walls: %s", ", ".join(said["walls"]) or "none on this system")
    findings = to_findings(said["findings"])
    if said["refused"]:
        raise InputError("file", findings)
    layers = {}
    for number, name in enumerate(said["layers"]):
        with pa.OSFile(str(folder / f"{number}.arrow")) as source:
            layers[str(name)] = unpack(pa.ipc.open_file(source).read_all())
    return Source(layers, findings, str(said["profile"]))
