"""Documents promoted and demoted from the command line: what is shown, asked, done and refused."""

from amc_learning.stages.promotion import CHANGE_FIELDS
from amc_learning_tests.acceptance.loop import open_warehouse
from amc_learning_tests.cli.calling import amc


def modes(settings):
    orders = open_warehouse(settings).table("publication_orders").read(None, None)
    return orders.sort("requested_at").select("document", "mode", "ordered_by", "reason").rows()


def test_demoted_looked_at_and_promoted(finished):
    publications = open_warehouse(finished).publications
    before = publications.path("weights").read_bytes()
    demoted = amc(finished.data_dir, "demote", "weights", "--reason", "the feed changes", "--by", "sam")
    assert demoted.code == 0, demoted.all
    assert demoted.said.startswith("weights: shadow from ")
    assert publications.path("weights").read_bytes() == before
    assert modes(finished) == [("weights", "shadow", "sam", "the feed changes")]
    shown = amc(finished.data_dir, "weights", "show", "--shadow")
    assert shown.code == 0
    assert "in shadow" in shown.said
    assert "weights since 2" in amc(finished.data_dir, "status").all

    looked = amc(finished.data_dir, "promote", "weights", "--json")
    assert looked.code == 0, looked.all
    assert looked.json["is_promoted"] is False
    assert all(tuple(one) == CHANGE_FIELDS for one in looked.json["findings"])
    assert set(looked.json["walk"]["in_force"]) == set(finished.features.components)
    assert len(modes(finished)) == 1

    asked = amc(finished.data_dir, "promote", "weights")
    assert asked.code == 1, "nobody answered"
    assert "in shadow since" in asked.said
    assert "done in" in asked.all
    assert len(modes(finished)) == 1

    promoted = amc(finished.data_dir, "promote", "weights", "--yes", "--by", "sam", "--reason", "it looked right")
    assert promoted.code == 0, promoted.all
    assert "weights: active from" in promoted.said
    assert modes(finished)[-1] == ("weights", "active", "sam", "it looked right")
    again = amc(finished.data_dir, "promote", "weights", "--yes")
    assert again.code == 1
    assert "there is nothing to promote" in again.complained


def test_for_machines_a_demotion_and_a_promotion_say_what_holds_from_when_on(finished):
    demoted = amc(finished.data_dir, "demote", "confidence", "--json").json
    assert (demoted["document"], demoted["mode"]) == ("confidence", "shadow")
    promoted = amc(finished.data_dir, "promote", "confidence", "--yes", "--json").json
    assert (promoted["is_promoted"], promoted["document"], promoted["walk"]) == (True, "confidence", None)
    assert promoted["known_on"] == demoted["known_on"]
    assert {"source", "method", "multiplier"} <= set(promoted["findings"][0])


def test_a_demotion_of_corrections_is_carried_out(finished):
    assert amc(finished.data_dir, "demote", "corrections").code == 0
    assert open_warehouse(finished).publications.shadow.current("corrections")["mode"] == "shadow"


def test_a_document_without_a_mode_is_refused(finished):
    answer = amc(finished.data_dir, "demote", "daily_report")
    assert answer.code == 1
    assert "weights, confidence, corrections" in answer.all
