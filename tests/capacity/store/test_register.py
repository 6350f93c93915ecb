"""The register: numbers, states, decisions, rights, and two people at one row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capacity.store import (
    Application,
    ConflictError,
    NotAllowedError,
    Store,
    open_store,
    outcomes,
    outcomes_from,
)
from capacity.store.register import APPLICATION_COLUMNS
from capacity.store.timeline import HISTORY_COLUMNS
from gis import InputError
from gis.schema import SITE_STATES
from tests.capacity.store.conftest import GROUND, METRIC, full, plain


def test_sites_without_an_id_are_numbered_past_those_that_have_one(store: Store) -> None:
    added = store.add_all([Application(plain(i), METRIC) for i in ("A2", "site", "", "K")])
    assert [one.application_id for one in added] == ["A2", "A1", "A3", "K"]


def test_ids_that_are_taken_are_all_named_and_nothing_is_added(store: Store) -> None:
    store.add_all([Application(plain("K1"), METRIC), Application(plain("K2"), METRIC)])
    with pytest.raises(InputError) as refused:
        store.add_all([Application(plain(i), METRIC) for i in ("new", "K2", "twice", "K1", "twice")])
    assert list(refused.value.findings["element_id"]) == ["K2", "twice", "K1"]
    assert list(store.applications()["application_id"]) == ["K1", "K2"]


def test_the_second_of_two_sees_the_conflict_and_both_versions(store: Store, bea: Store) -> None:
    read = store.add(plain("K1"), METRIC)
    bea.change(replace(read, note="hers"))
    with pytest.raises(ConflictError, match=r"bea changed it at .* note:  -> hers") as refused:
        store.change(replace(read, note="mine", applicant="Bau"))
    conflict = refused.value
    assert (conflict.mine.note, conflict.theirs.note, conflict.base.note) == ("mine", "hers", "")
    assert conflict.theirs.changed_by == "bea"
    assert conflict.differences.set_index("field")["clash"].to_dict() == {"applicant": False, "note": True}
    assert conflict.merged is None
    assert store.application("K1") == conflict.theirs  # nothing was written
    assert store.change(conflict.mine_again).note == "mine"


def test_changes_of_different_fields_can_be_put_together(store: Store, bea: Store) -> None:
    read = store.add(full("K1"), METRIC)
    bea.change(replace(read, note="hers"))
    with pytest.raises(ConflictError) as refused:
        store.change(replace(read, development=replace(read.development, dwellings=9)))
    assert refused.value.merged is not None
    both = store.change(refused.value.merged)
    assert (both.note, both.development.dwellings, both.revision) == ("hers", 9, 3)


def test_a_change_that_stands_already_is_no_conflict_and_no_change(store: Store, bea: Store) -> None:
    read = store.add(plain("K1"), METRIC)
    bea.change(replace(read, note="same"))
    assert store.change(replace(read, note="same")).revision == 2
    assert len(store.history("K1")) == 2


def test_a_decision_of_a_row_that_changed_is_a_conflict(store: Store, bea: Store) -> None:
    read = store.add(plain("K1"), METRIC)
    bea.change(replace(read, note="wait"))
    with pytest.raises(ConflictError):
        store.decide(read, "quote")
    assert store.decisions().empty and store.application("K1").status == "enquiry"


def test_every_state_is_reached_and_left_only_as_declared(store: Store) -> None:
    assert {one.to_state for one in outcomes().values()} == set(SITE_STATES)
    assert {state for one in outcomes().values() for state in one.from_states} == set(SITE_STATES)
    for number, state in enumerate(SITE_STATES):
        development = replace(plain(f"K{number}"), status=state)
        read = store.add(development, METRIC)
        for outcome in set(outcomes()) - {one.name for one in outcomes_from(state)}:
            with pytest.raises(InputError, match="cannot be decided"):
                store.decide(read, outcome)
    assert store.decisions().empty


def test_a_decision_keeps_why_and_on_what(store: Store) -> None:
    read = store.add(plain("K1"), METRIC)
    kept = store.keep_assessment(read, b"{}", verdict="connect", sentence="Yes", ground=GROUND)
    quoted = store.decide(read, "quote", reason="fits", assessment_id=kept)
    accepted = store.decide(quoted, "accept")
    assert (quoted.status, accepted.status, accepted.revision) == ("quoted", "accepted", 3)
    row = store.decisions("K1").iloc[0]
    assert (row["outcome"], row["reason"], row["assessment_id"], row["made_by"]) == (
        "quote",
        "fits",
        kept,
        "anna",
    )
    assert list(store.decisions("K1")["to_status"]) == ["quoted", "accepted"]


def test_a_decision_rests_on_an_assessment_of_its_own_application(store: Store) -> None:
    one, other = store.add(plain("K1"), METRIC), store.add(plain("K2"), METRIC)
    kept = store.keep_assessment(other, b"{}", verdict="connect", sentence="", ground=GROUND)
    for name in (kept, "none"):
        with pytest.raises(InputError, match="no such assessment of application K1"):
            store.decide(one, "quote", assessment_id=name)
    assert store.application("K1").status == "enquiry"


def test_the_state_is_no_field_to_be_changed(store: Store) -> None:
    read = store.add(plain("K1"), METRIC)
    with pytest.raises(InputError, match="by a decision"):
        store.change(replace(read, development=replace(read.development, status="accepted")))


def test_a_reader_writes_nothing(store: Store, path) -> None:  # type: ignore[no-untyped-def]
    read = store.add(plain("K1"), METRIC)
    reader = open_store(path, user="rita", role="reader")
    writes = [
        lambda: reader.add(plain("K2"), METRIC),
        lambda: reader.change(replace(read, note="x")),
        lambda: reader.decide(read, "quote"),
        lambda: reader.keep_assessment(read, b"", verdict="", sentence="", ground=GROUND),
        lambda: reader.keep_network("0", "", b""),
        lambda: reader.keep_study("plan", "", b"", ground=GROUND),
    ]
    for write in writes:
        with pytest.raises(NotAllowedError, match="rita may read but not write"):
            write()
    assert len(store.history()) == 1 and reader.application("K1") == read


@pytest.mark.parametrize(("user", "role"), [("", "planner"), (" \n", "planner"), ("anna", "owner")])
def test_who_has_no_name_or_no_role_opens_nothing(path, user: str, role: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="no_user"):
        open_store(path, user=user, role=role)  # type: ignore[arg-type]  # what is refused
    assert not path.exists()


def test_history_tells_every_field_from_what_to_what(store: Store, bea: Store) -> None:
    read = store.add(plain("K1"), METRIC)
    changed = bea.change(replace(read, note="n", development=replace(read.development, dwellings=9)))
    store.decide(changed, "withdraw", reason="sold")
    told = store.history("K1")
    assert tuple(told.columns) == HISTORY_COLUMNS
    rows = told[["user", "action", "field", "before", "after"]].iloc[1:].to_numpy().tolist()
    assert rows == [
        ["bea", "changed", "dwellings", 3, 9],
        ["bea", "changed", "note", "", "n"],
        ["anna", "withdraw", "status", "enquiry", "withdrawn"],
    ]
    assert list(store.history(table="decisions")["row_id"]) == ["D1"]
    assert store.application("K1", 2).note == "n" and store.application("K1", 1) == read


def test_the_list_has_the_last_answer_and_is_narrowed(store: Store) -> None:
    assert tuple(store.applications().columns) == APPLICATION_COLUMNS and store.applications().empty
    one, other = store.add(plain("K1", "Orchard"), METRIC), store.add(plain("K2"), METRIC, applicant="Baum")
    for verdict in ("refuse", "connect"):
        store.keep_assessment(one, b"{}", verdict=verdict, sentence="", ground=GROUND)
    store.decide(other, "withdraw")
    listed = store.applications().set_index("application_id")
    assert listed["verdict"].tolist() == ["connect", None]
    assert listed.loc["K1", "assessment_id"] == "K1-2"
    assert list(store.applications(statuses=["withdrawn"])["application_id"]) == ["K2"]
    assert list(store.applications(text="BAUM")["application_id"]) == ["K2"]
    assert list(store.applications(text="orch")["application_id"]) == ["K1"]


def test_what_is_not_there_is_named(store: Store) -> None:
    store.add(plain("K1"), METRIC)
    asked = [lambda: store.application("K9"), lambda: store.assessment("K9"), lambda: store.study("K9"),
             lambda: store.application("K1", 9),
             lambda: store.keep_assessment(Application(plain("K9"), METRIC), b"", verdict="", sentence="",
                                           ground=GROUND)]  # fmt: skip
    for ask in asked:
        with pytest.raises(InputError, match=r"K[19]"):
            ask()


def test_studies_are_kept_to_the_byte(store: Store) -> None:
    kept = store.keep_study("queue", "spring", b'{"order":[1,2]}', ground=GROUND)
    study = store.study(kept)
    assert (study.record, study.answer, study.ground) == (b'{"order":[1,2]}', {"order": [1, 2]}, GROUND)
    assert list(store.studies("queue")["study_id"]) == [kept] and store.studies("plan").empty
