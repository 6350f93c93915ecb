"""Proof of the project file: killed while it writes, written by many at once, on a disk that is full.

    kill     a process writes and is ended (kill -9) at a random moment: what it was told is written is there,
             every group of rows that belongs together is whole, the file opens and is sound
    crowd    writers and readers at once: nobody is told that the file is locked, nothing is lost, every
             reader sees whole groups
    full     the disk (a file system of its own in memory) fills up at many points: the writer is told, what
             stood before is there, and once there is room the work goes on

Run: PYTHONPATH=. python benchmarks/prove_store.py [kill] [crowd] [full]     (`full` mounts a tmpfs: root)
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from pyproj import CRS

from capacity.demand.development import Development
from capacity.store import Application, ConflictError, Ground, Store, open_store
from capacity.store.rows import sha256_of
from gis import InputError

KILLS, LONGEST_S = 500, 0.5
# Kills in one file before the next is begun, so that files of every age are killed, new ones too.
KILLS_PER_FILE = 25
WRITERS, READERS, CROWD_S = 8, 4, 60.0
FULL_POINTS, DISK_BYTES = 20, 4 * 1024**2
# Applications that are added at once: all or none.
GROUP = 7
METRIC = CRS("EPSG:25832")
GROUND = Ground("0" * 64, {"asked": "proof"}, {"python": sys.version.split()[0]})

Tell = Callable[[str], None]


def group_of(name: str) -> list[Application]:
    """Applications that belong together: their note says with which."""
    place = shapely.Point(417_000.0, 5_366_000.0)
    sites = (Development(place, site_id=f"{name}.{n}", dwellings=n) for n in range(GROUP))
    return [Application(site, METRIC, note=name) for site in sites]


def record_of(draw: random.Random) -> bytes:
    """A record of the size real ones have."""
    return json.dumps([draw.random() for _ in range(draw.randrange(100, 5_000))]).encode()


def write_on(store: Store, name: str, seed: int, tell: Tell) -> None:
    """Add, change, assess and decide without end; tell each only when the store has returned."""
    draw = random.Random(seed)
    for number in itertools.count():
        group = f"{name}-{number}"
        one = store.add_all(group_of(group))[draw.randrange(GROUP)]
        tell(f"group {group}")
        changed = store.change(replace(one, applicant=f"{draw.random()}"))
        tell(f"change {one.application_id} {changed.revision} {changed.applicant}")
        record = record_of(draw)
        kept = store.keep_assessment(changed, record, verdict="connect", sentence="", ground=GROUND)
        tell(f"assessment {kept} {sha256_of(record)}")
        store.decide(changed, "quote", reason=group, assessment_id=kept)
        tell(f"decision {group}")


def lost_of(store: Store, told: list[str]) -> list[str]:
    """What was told as written and is not there."""
    notes = Counter(one.note for one in store.every_application())
    applicants = {one.application_id: one.applicant for one in store.every_application()}
    digests = dict(store.assessments()[["assessment_id", "record_sha256"]].to_numpy().tolist())
    reasons = set(store.decisions()["reason"])
    stands: dict[str, Callable[[list[str]], bool]] = {
        "group": lambda words: notes[words[0]] == GROUP,
        "change": lambda words: applicants.get(words[0]) == words[2],
        "assessment": lambda words: digests.get(words[0]) == words[1],
        "decision": lambda words: words[0] in reasons,
    }
    return [line for line in told if not stands[line.split()[0]](line.split()[1:])]


def halves_of(store: Store) -> list[str]:
    """Groups of rows that are there in part: applications added at once, decisions without their state."""
    notes = Counter(one.note for one in store.every_application())
    history = store.history(table="applications")
    moved = Counter(history.loc[history["action"] == "quote", "row_id"])
    decided = Counter(store.decisions()["application_id"])
    return [
        *(note for note, count in notes.items() if count != GROUP),
        *(name for name in moved | decided if moved[name] != decided[name]),
    ]


def killed(path: Path, name: str, seed: int, delay_s: float) -> list[str]:
    """Let a process write for a while, end it, and return what it was told is written."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        tell = lambda line: os.write(writes, f"{line}\n".encode())  # noqa: E731
        write_on(open_store(path, user=name), name, seed, tell)  # type: ignore[arg-type]
    os.close(writes)
    time.sleep(delay_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reads) as stream:
        return stream.read().splitlines()


def prove_kills(kills: int, *, longest_s: float = LONGEST_S, seed: int = 1) -> dict[str, int]:
    """Kill a writer at random moments; count what is lost, half there, unreadable or unsound."""
    draw, found = random.Random(seed), Counter(kills=kills, told=0, lost=0, halves=0, unreadable=0, unsound=0)
    with tempfile.TemporaryDirectory() as folder:
        told: list[str] = []
        for number in range(kills):
            path = Path(folder) / f"{number // KILLS_PER_FILE}.fplan"
            told = told if number % KILLS_PER_FILE else []
            told += killed(path, f"w{number}", number, draw.uniform(0.0, longest_s))
            _judge_after_kill(path, told, found)
            if number % KILLS_PER_FILE == KILLS_PER_FILE - 1 or number == kills - 1:
                found["told"] += len(told)
    return dict(found)


def _judge_after_kill(path: Path, told: list[str], found: Counter[str]) -> None:
    try:
        store = open_store(path, user="judge")
        found["lost"] += len(lost_of(store, told))
        found["halves"] += len(halves_of(store))
        found["unsound"] += len(store.faults())
    except InputError as error:
        print(error)
        found["unreadable"] += 1


def prove_crowd(writers: int, readers: int, seconds: float) -> dict[str, float]:
    """Write and read at once; count errors, what is lost, and how long a write took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crowd.fplan"
        shared = open_store(path, user="first").add_all(group_of("shared"))[0]
        pipes = [_started(_writer, path, f"w{n}", seconds, shared.application_id) for n in range(writers)]
        pipes += [_started(_reader, path, f"r{n}", seconds, shared.application_id) for n in range(readers)]
        told = [json.loads(Path(f"/dev/fd/{pipe}").read_text()) for pipe in pipes]
        for pipe in pipes:
            os.close(pipe)
            os.wait()
        store = open_store(path, user="judge")
        took = np.concatenate([one["took_s"] for one in told[:writers]])
        return {
            "writes": len(took),
            "reads": sum(one["reads"] for one in told),
            "locked": sum(one["locked"] for one in told),
            "conflicts": sum(one["conflicts"] for one in told),
            "lost": sum(len(lost_of(store, one["told"])) for one in told)
            + abs(
                sum(one["changes"] for one in told) - store.application(shared.application_id).revision + 1
            ),
            "halves": sum(one["halves"] for one in told) + len(halves_of(store)),
            "unsound": len(store.faults()),
            "p50_ms": float(1e3 * np.median(took)),
            "p99_ms": float(1e3 * np.quantile(took, 0.99)),
            "longest_ms": float(1e3 * took.max()),
        }


def _started(work: Callable[..., dict[str, object]], *given: object) -> int:
    """Run in a process of its own; returns the pipe its answer comes through."""
    reads, writes = os.pipe()
    if not os.fork():
        os.close(reads)
        with os.fdopen(writes, "w") as stream:
            json.dump(work(*given), stream)
        os._exit(0)
    os.close(writes)
    return reads


def _writer(path: Path, name: str, seconds: float, shared_id: str) -> dict[str, object]:
    """Own groups, own assessments, and changes of a row that all writers want."""
    store, draw, ends = open_store(path, user=name), random.Random(name), time.monotonic() + seconds
    told: list[str] = []
    took: list[float] = []
    found = Counter(locked=0, conflicts=0, changes=0, halves=0, reads=0)
    for number in itertools.count():
        if time.monotonic() > ends:
            return {**found, "told": told, "took_s": took}
        try:
            _write_once(store, draw, f"{name}-{number}", shared_id, told, took, found)
        except InputError:
            found["locked"] += 1
    raise AssertionError  # count never ends


def _write_once(
    store: Store, draw: random.Random, group: str, shared_id: str, told: list[str], took: list[float],
    found: Counter[str],
) -> None:  # fmt: skip
    with _clocked(took):
        own = store.add_all(group_of(group))[0]
    told.append(f"group {group}")
    record = record_of(draw)
    with _clocked(took):
        kept = store.keep_assessment(own, record, verdict="connect", sentence="", ground=GROUND)
    told.append(f"assessment {kept} {sha256_of(record)}")
    wanted = store.application(shared_id)
    try:
        with _clocked(took):
            store.change(replace(wanted, applicant=f"{group}"))
        found["changes"] += 1
    except ConflictError:
        found["conflicts"] += 1


def _reader(path: Path, name: str, seconds: float, shared_id: str) -> dict[str, object]:
    store, ends = open_store(path, user=name, role="reader"), time.monotonic() + seconds
    found = Counter(locked=0, conflicts=0, changes=0, halves=0, reads=0)
    while time.monotonic() < ends:
        try:
            seen = store.every_application(text=f"w{found['reads'] % 8}-")
            notes = Counter(one.note for one in seen if one.note != "shared")
            found["halves"] += sum(count != GROUP for count in notes.values())
            store.history(shared_id)
        except InputError:
            found["locked"] += 1
        found["reads"] += 1
    return {**found, "told": [], "took_s": []}


@contextmanager
def _clocked(took: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    took.append(time.perf_counter() - began)


def prove_full(disk: Path, points: int) -> dict[str, int]:
    """Fill the disk at points from nothing left to room for some writes; work on once there is room."""
    found = Counter(points=points, told=0, said_plainly=0, unread_while_full=0, lost=0, halves=0, unsound=0)
    for number in range(points):
        path, ballast = disk / f"{number}.fplan", disk / "ballast"
        store, told = open_store(path, user="writer"), list[str]()
        _until_full(store, f"before{number}", 3, told)
        free = shutil.disk_usage(disk).free - number * 12_000
        ballast.write_bytes(bytes(max(free, 0)))
        found["said_plainly"] += _until_full(store, f"full{number}", 10_000, told) == "disk_full"
        found["unread_while_full"] += _is_unreadable(path)
        ballast.unlink()
        _until_full(store, f"after{number}", 1, told)
        found["told"] += len(told)
        found["lost"] += len(lost_of(store, told))
        found["halves"] += len(halves_of(store))
        found["unsound"] += len(store.faults())
        path.unlink()
    return dict(found)


def _until_full(store: Store, name: str, rounds: int, told: list[str]) -> str:
    """Write some rounds, or as many as there is room for; returns the rule of what stopped it."""

    def tell(line: str) -> None:
        told.append(line)
        if line == f"decision {name}-{rounds - 1}":
            raise StopIteration

    try:
        write_on(store, name, 1, tell)
    except StopIteration:
        return ""
    except InputError as error:
        return str(error.findings["rule"].iloc[0])
    raise AssertionError  # writes without end


def _is_unreadable(path: Path) -> bool:
    try:
        return not open_store(path, user="judge", role="reader").every_application()
    except InputError:
        return True


@contextmanager
def small_disk(size: int = DISK_BYTES) -> Iterator[Path]:
    """A file system of its own in memory."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def main() -> None:
    """Run the proofs named, or all; what may not be is asserted to be none."""
    wanted = sys.argv[1:] or ["kill", "crowd", "full"]
    for name in wanted:
        began = time.perf_counter()
        if name == "kill":
            found: dict[str, float] = dict(prove_kills(KILLS))
        elif name == "crowd":
            found = prove_crowd(WRITERS, READERS, CROWD_S)
        else:
            with small_disk() as disk:
                found = dict(prove_full(disk, FULL_POINTS))
        print(name, json.dumps(found), f"{time.perf_counter() - began:.0f} s", flush=True)
        none = ("lost", "halves", "unreadable", "unsound", "locked", "unread_while_full")
        assert not any(found.get(what, 0) for what in none), found


if __name__ == "__main__":
    main()
