"""OpenDSS scripts: lines that describe a circuit are kept, every other one is refused by file and number."""

from __future__ import annotations

from pathlib import Path

import pytest

import gis
from gis.formats import opendss
from gis.formats.opendss import process
from gis.formats.opendss.script import MAX_READS_OF_A_FILE, Script, Statement, read_script
from gis.formats.opendss.words import code_of, tokens_of

CIRCUIT = """clear
new circuit.c basekv=11 bus1=a ! the source
new line.l bus1=a bus2=b length=1 units=km r1=0.1 x1=0.1
new load.x bus1=b kv=11 kw=100
set voltagebases=[11]
calcvoltagebases
solve
"""
# What a script may try, beside describing a circuit. {S} is a place outside its folder.
HOSTILE = (
    "shell touch {S}",
    "system touch {S}",
    "fileedit {S}",
    "formedit load.x",
    "cd {S}",
    "export voltages {S}",
    "show voltages ln nodes",
    "plot profile",
    "visualize element=line.l",
    "save circuit dir={S}",
    "dump debug",
    "connect 127.0.0.1 80",
    "newactor",
    "alignfile file={S}",
    "var @f={S}",
    "redirect @f",
    "set datapath={S}",
    "set editor=/usr/bin/touch",
    "set recorder=yes",
    "set parallel=yes",
    "solve datapath={S}",
    "redirect {S}",
    "redirect ../../secret.dss",
    "redirect ../secret.txt",
    "redirect missing.dss",
    "compile C:\\other.dss",
    "compile \\\\server\\share\\other.dss",
    'redirect "~/.profile"',
    "redirect Master.dss",
    "redirect link.dss",
    "redirect folder/inside.dss",
    "buscoords {S}",
    "buscoords ../secret.dss",
    "new line.m bus1=a bus2=c rmatrix=(file={S})",
    "new line.m bus1=a bus2=c rmatrix=[ FILE = {S}]",
    "edit load.x zipv=(dblfile={S})",
    "set voltagebases=[file={S}]",
    "setkvbase bus=a kvll=(file={S})",
    "new xycurve.e npts=4 csvfile={S}",
    "new spectrum.s csvfile={S}",
    "load.x.zipv=(sngfile={S})",
    "batchedit load..* zipv=(file={S})",
    "new generator.g bus1=b kv=11 kw=1 usermodel={S}",
    "new generator.g bus1=b kv=11 kw=1 UserM={S}",
    "new generator.g bus1=b kv=11 kw=1 D=1 {S}",
    "new generator.g bus1=b kv=11\n~ kw=1 shaftmodel={S}",
    "new pvsystem.p bus1=b kv=11 userdata={S}",
    "new storage.s bus1=b kv=11 dynadll={S}",
    "new regcontrol.r transformer=t debugtrace=yes",
    "new espvlcontrol.e element=line.l",
    "monitor.m.mode=1 {S}\n new line.m bus1=a rmatrix=(file={S})",
    "new nothing",
    "new\nmore",
    "\x1b]0;title\x07",
    "=",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A circuit's folder with neighbours it must not reach."""
    home = tmp_path / "circuits" / "mine"
    (home / "folder").mkdir(parents=True)
    (tmp_path / "secret.dss").write_text("new load.secret bus1=a\n", encoding="utf-8")
    (home.parent / "secret.txt").write_text("secret\n", encoding="utf-8")
    (home / "link.dss").symlink_to(tmp_path / "secret.dss")
    (home / "folder" / "inside.dss").symlink_to(tmp_path / "secret.dss")
    return home


def write(folder: Path, text: str, name: str = "Master.dss") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def texts(script: Script) -> list[str]:
    return [statement.text for statement in script.statements]


@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_line_is_refused_by_its_number_and_does_nothing(folder: Path, line: str) -> None:
    outside = folder.parents[1] / "sentinel"
    master = write(folder, CIRCUIT + line.format(S=outside) + "\n")
    before = sorted(folder.parents[1].rglob("*"))
    with pytest.raises(gis.InputError) as refused:
        opendss.read(master)
    number = CIRCUIT.count("\n") + 1 + line.count("\n")
    assert refused.value.findings["element_id"].iloc[-1] == f"Master.dss:{number}"
    assert set(refused.value.findings["rule"]) == {"script_refused"}
    assert sorted(folder.parents[1].rglob("*")) == before


def test_every_line_that_may_not_run_is_named_at_once(folder: Path) -> None:
    write(folder, "\nshow voltages\n", "More.dss")
    master = write(folder, "shell ls\n" + CIRCUIT + "redirect more.DSS\nplot profile\n")
    with pytest.raises(gis.InputError) as refused:
        read_script(master)
    assert list(refused.value.findings["element_id"]) == ["Master.dss:1", "More.dss:2", "Master.dss:10"]
    assert "shell ls" in str(refused.value)


def test_includes_are_unrolled_and_relative_to_their_own_file(folder: Path) -> None:
    write(folder / "folder", "new load.y bus1=b\nredirect Deep.dss\n", "Loads.dss")
    write(folder / "folder", "new load.z bus1=b\n", "Deep.dss")
    write(folder, "a, 1, 2\n", "XY.csv")
    master = write(folder, "redirect folder\\loads.dss\nbuscoords (XY.csv)\ncompile 'folder/Deep.dss'\n")
    script = read_script(master)
    assert [s.place for s in script.statements] == [
        "folder/Loads.dss:1",
        "folder/Deep.dss:1",
        "folder/Deep.dss:1",
    ]
    assert script.coordinates == [folder / "XY.csv"]


def test_line_codes_one_level_up_are_read_but_never_shown(folder: Path) -> None:
    write(folder.parent, "new linecode.a r1=1\n", "Codes.dss")
    master = write(folder, "redirect ../Codes.dss\n")
    assert [s.place for s in read_script(master).statements] == ["../Codes.dss:1"]
    write(folder.parent, "password hunter2\n", "Codes.dss")
    with pytest.raises(gis.InputError) as refused:
        read_script(master)
    assert "hunter2" not in str(refused.value)
    assert list(refused.value.findings["element_id"]) == ["../Codes.dss:1"]


def test_files_that_include_each_other_are_refused(folder: Path) -> None:
    write(folder, "redirect B.dss\n", "A.dss")
    write(folder, "redirect A.dss\n", "B.dss")
    with pytest.raises(gis.InputError, match="circle"):
        read_script(folder / "A.dss")
    write(folder, "new load.y\n", "C.dss")
    master = write(folder, "redirect C.dss\n" * (MAX_READS_OF_A_FILE + 1))
    with pytest.raises(gis.InputError, match="circle"):
        read_script(master)


def test_shapes_over_time_become_flat_and_meters_are_left_out(folder: Path) -> None:
    master = write(
        folder,
        "new loadshape.s npts=2 mult=(file=/etc/passwd)\n~ qmult=(file=/etc/shadow)\n"
        "new monitor.m element=line.l\n~ mode=1\nset mode=yearly number=8760\nsolve mode=daily\n",
    )
    script = read_script(master)
    assert texts(script) == ["New loadshape.s npts=1 interval=1 mult=[1]", "solve"]
    assert dict(script.skipped) == {"monitor": 1, "set mode": 2, "set number": 1}
    assert set(script.findings()["rule"]) == {"not_read"}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("new line.a bus1=b // comment", "new line.a bus1=b"),
        ("~wdg=1 bus=a", "~ wdg=1 bus=a"),
        ("  ! only a comment", ""),
        ('new line.a like="b ! c"', 'new line.a like="b ! c"'),
        ("new line.l(r:p1-p2) length=(3 4 *)!x", "new line.l(r:p1-p2) length=(3 4 *)"),
        ("", ""),
    ],
)
def test_comments_end_a_line_outside_quotes(line: str, code: str) -> None:
    assert code_of(line) == code


def test_tokens_are_parted_as_opendss_parts_them() -> None:
    words = tokens_of("New object=line.a bus1 = b.1.2,length=(8 1000 /) [1 | 2 3]")
    assert words == [
        (None, "New"),
        ("object", "line.a"),
        ("bus1", "b.1.2"),
        ("length", "(8 1000 /)"),
        (None, "[1 | 2 3]"),
    ]


def test_a_block_of_comment_is_skipped_and_binary_is_refused(folder: Path) -> None:
    master = write(folder, "/* shell ls\nshell ls\n*/\nclear\n")
    assert texts(read_script(master)) == ["clear"]
    master.write_bytes(b"clear\x00\x00\x01\n")
    with pytest.raises(gis.InputError, match="no text"):
        read_script(master)
    assert not opendss.recognises(write(folder, "\x00\x00", "b.dss"))


def test_a_folder_with_several_masters_asks_which(folder: Path) -> None:
    write(folder, CIRCUIT)
    write(folder, CIRCUIT, "Other.dss")
    (folder / "link.dss").unlink()
    with pytest.raises(gis.InputError, match=r"Master\.dss, Other\.dss"):
        opendss.find_master(folder)
    (folder / "Other.dss").unlink()
    assert opendss.find_master(folder).name == "Master.dss"
    (folder / "Master.dss").unlink()
    write(folder, "new load.x\n", "Loads.dss")
    with pytest.raises(gis.InputError, match="no script"):
        opendss.find_master(folder)


def of_lines(*lines: str) -> Script:
    return Script([Statement(line, "m.dss", n) for n, line in enumerate(lines, start=1)])


class TestProcess:
    """The second wall: what would happen should a line get past the check."""

    @pytest.fixture(autouse=True)
    def _has_opendss(self) -> None:
        pytest.importorskip("opendssdirect")

    @pytest.mark.parametrize(
        "lines",
        [
            ("export voltages {S}",),
            ("set editor=/usr/bin/touch", "fileedit {S}"),
            ("save circuit dir={S}",),
            ("show voltages",),
        ],
    )
    def test_nothing_is_written_even_so(self, tmp_path: Path, lines: tuple[str, ...]) -> None:
        sentinel = tmp_path / "sentinel"
        script = of_lines(*CIRCUIT.splitlines(), *(line.format(S=sentinel) for line in lines))
        try:
            process.solve_circuit(script, "m.dss")
        except gis.InputError as refused:
            assert set(refused.findings["rule"]) == {"script_refused"}
        written = [file for file in tmp_path.rglob("*") if file.is_file() and file.stat().st_size]
        assert not written

    def test_a_script_that_does_not_end_is_stopped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "CPU_BASE_S", 1)
        monkeypatch.setattr(process, "CPU_PER_MB_S", 0)
        with pytest.raises(gis.InputError, match="did not solve the circuit within"):
            process.solve_circuit(of_lines(*CIRCUIT.splitlines(), *["solve"] * 200_000), "m.dss")

    def test_a_process_that_dies_is_an_error_in_plain_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "SPACE_BASE", 50_000_000)
        with pytest.raises(gis.InputError, match="OpenDSS stopped"):
            process.solve_circuit(of_lines(*CIRCUIT.splitlines()), "m.dss")

    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            (("new circuit.c", "new line.l bus1=a bus2=b linecode=none"), "m.dss:2"),
            (("clear",), "makes no circuit"),
            ((*CIRCUIT.splitlines(), "set maxiterations=1 tolerance=1e-15", "solve"), "no solution"),
        ],
    )
    def test_what_opendss_refuses_is_told_by_line(self, lines: tuple[str, ...], words: str) -> None:
        with pytest.raises(gis.InputError, match=words):
            process.solve_circuit(of_lines(*lines), "m.dss")


def test_without_opendss_the_import_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text(f"raise SystemExit({process.NO_OPENDSS})\n", encoding="utf-8")
    monkeypatch.setattr(process, "_CHILD", child)
    with pytest.raises(gis.InputError, match=r"feederplan\[opendss\]"):
        process.solve_circuit(of_lines(*CIRCUIT.splitlines()), "m.dss")
