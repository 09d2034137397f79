"""Documents in shadow, end to end: decided, published and judged, while those who act on them are told nothing new."""

import shutil
from datetime import UTC, datetime, time
from pathlib import Path

import httpx
import numpy as np
import pytest

from amc_learning.client import LearningClient
from amc_learning.contracts.knowledge_days import next_knowledge_day
from amc_learning.learning.modes import ACTIVE, SHADOW
from amc_learning.settings import Settings
from amc_learning.stages.doctor import examine
from amc_learning.stages.orders import OperatorOrder, OrderError, carry_out
from amc_learning.stages.promotion import PublicationOrder, carry_out_publication, shadow_account
from amc_learning.stages.status import warehouse_status
from amc_learning_tests.acceptance.loop import DAYS, backfilled, kept, open_warehouse, tree
from amc_learning_tests.service.serving import served

PROMOTED, DEMOTED = 50, 57
"""Places among `DAYS`: by the first some weights have been moved, and by the second the walk is not done."""
PARAMETERS = "/learning/intelligence/adaptive-discovery-params"
ACTING = ("weights", "recommendations", "corrections", "market_regime", "pattern_analysis", "daily_report")


def in_shadow(data_dir, **modes):
    return Settings(data_dir=data_dir, publication={f"{name}_mode": SHADOW for name in modes or {"weights": 1}})


def noon(day, *, minute=0):
    return datetime.combine(day, time(16, minute), UTC)


def ordered(settings, mode, day, document="weights", *, minute=0, **options):
    order, at = PublicationOrder(document, mode, "sam", "it looked right"), noon(day, minute=minute)
    return carry_out_publication(open_warehouse(settings), settings, order, requested_at=at, **options)


def vectors(settings, column="weight"):
    decisions = open_warehouse(settings).table("weight_decisions").read(None, None)
    wide = decisions.pivot("component", index="known_on", values=column).sort("known_on")
    return wide.select(settings.features.components).to_numpy()


def numbers_in(part):
    """Every number of a document."""
    if isinstance(part, dict):
        return {one for inner in part.values() for one in numbers_in(inner)}
    if isinstance(part, list):
        return {one for inner in part for one in numbers_in(inner)}
    return {part} if isinstance(part, float) else set()


def lived(settings):
    """Nights one by one with a promotion and a demotion between them, each ordered at noon ahead of its night."""
    backfilled(settings, DAYS[:PROMOTED])
    ordered(settings, ACTIVE, DAYS[PROMOTED])
    for day in DAYS[PROMOTED:DEMOTED]:
        backfilled(settings, [day])
    ordered(settings, SHADOW, DAYS[DEMOTED])
    for day in DAYS[DEMOTED:]:
        backfilled(settings, [day])
    return settings


@pytest.fixture(scope="session")
def lived_base(ingested_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lived") / "data"
    shutil.copytree(ingested_base, folder)
    return lived(in_shadow(folder)).data_dir


@pytest.fixture
def after(lived_base, tmp_path, clean_environment):
    return in_shadow(Path(shutil.copytree(lived_base, tmp_path / "lived")))


@pytest.fixture(scope="session")
def shadowed_base(ingested_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shadowed") / "data"
    shutil.copytree(ingested_base, folder)
    backfilled(in_shadow(folder), DAYS[:PROMOTED])
    return folder


@pytest.fixture
def shadowed(shadowed_base, tmp_path, clean_environment):
    """In shadow from the beginning, up to the day before the promotion."""
    return in_shadow(Path(shutil.copytree(shadowed_base, tmp_path / "shadowed")))


def test_in_shadow_from_the_beginning_discovery_is_told_nothing_and_everything_is_judged(shadowed, finished):
    published, warehouse = shadowed.data_dir / "published", open_warehouse(shadowed)
    assert not (published / "weights.json").exists()
    assert not (published / "history" / "weights").exists()
    shadow = warehouse.publications.shadow.current("weights")
    assert (shadow["mode"], shadow["mode_since"], shadow["known_on"]) == (SHADOW, None, str(DAYS[PROMOTED - 1]))
    assert (published / "shadow" / "weights.schema.json").is_file()
    assert len(list((published / "shadow" / "history" / "weights").iterdir())) == PROMOTED
    acting = open_warehouse(finished).publications.document("weights", DAYS[PROMOTED - 1])
    same = ("data", "status", "previous", "by_regime", "thresholds", "evidence", "improvement", "parameters_version")
    assert {name: shadow[name] for name in same} == {name: acting[name] for name in same}
    effectiveness = warehouse.table("learning_effectiveness").read(None, None)
    expected = open_warehouse(finished).table("learning_effectiveness").read(None, DAYS[PROMOTED - 1])
    assert effectiveness.height > 0
    assert effectiveness.equals(expected)


def test_no_document_that_others_read_carries_a_number_of_the_shadow(shadowed):
    warehouse, learned = open_warehouse(shadowed), vectors(shadowed, "learned_weight")
    told = set(shadowed.features.default_weights.values()) | {0.0, 1.0}
    moved = 0
    for place, day in enumerate(DAYS[:PROMOTED]):
        shadow = warehouse.publications.shadow.document("weights", day)
        secret = {*shadow["data"]["optimized_parameters"].values(), *learned[place].tolist()} - told
        moved += bool(secret)
        for name in ACTING:
            document = warehouse.publications.document(name, day)
            assert document is None or not numbers_in(document) & secret, (day, name)
    assert moved > 3
    recommendations = warehouse.publications.current("recommendations")
    assert recommendations["discovery_parameter_adjustments"] is None


def test_people_are_told_that_it_is_in_shadow_and_nothing_cries(shadowed):
    warehouse = open_warehouse(shadowed)
    report = warehouse.publications.current("daily_report")
    assert report["in_shadow"] == [{"document": "weights", "since": None}]
    assert report["headline"].startswith("Discovery weights are in shadow")
    assert report["weights"]["in_force"] == shadowed.features.default_weights
    page = warehouse.publications.page_path("daily_report", DAYS[PROMOTED - 1]).read_text()
    assert "In shadow since the beginning: weights." in page
    (publication,) = [one for one in examine(warehouse, shadowed) if one.subject == "publication"]
    assert publication.is_ok
    assert f"weights of {DAYS[PROMOTED - 1]} in shadow since the beginning" in publication.finding
    assert warehouse_status(warehouse, shadowed).in_shadow == {"weights": None}


def test_over_http_nothing_changes_but_the_paths_of_the_shadow(shadowed):
    clock = lambda: noon(DAYS[PROMOTED])  # noqa: E731
    with served(shadowed, clock=clock) as service, httpx.Client(base_url=service.url) as http:
        assert http.get(PARAMETERS).json()["status"] == "nothing_published"
        shadow = http.get("/learning/shadow/weights")
        assert shadow.json() == open_warehouse(shadowed).publications.shadow.current("weights")
        assert (
            http.get("/learning/shadow/weights", headers={"if-none-match": shadow.headers["etag"]}).status_code == 304
        )
        assert http.get("/learning/shadow/confidence").json()["reason"].endswith("was ever published in shadow")
        page, metrics = http.get("/").text, http.get("/metrics").text
        assert "In shadow since the beginning: weights" in page
        assert "Weights that would be in force" in page
        assert 'amc_learning_document_in_shadow{document="weights"} 1.0' in metrics
        assert 'amc_learning_document_age_days{document="weights"} 1.0' in metrics
        with LearningClient(service.url) as client:
            assert client.get_discovery_parameters({"technical_weight": 1.0}) == {"technical_weight": 1.0}


def test_promoted_the_weights_walk_within_the_limit_from_what_was_told_and_demoted_they_stay(after):
    told, limit = vectors(after), after.weights.daily_limit
    default = np.array(list(after.features.default_weights.values()))
    assert told[:PROMOTED].tolist() == [default.tolist()] * PROMOTED
    steps = np.abs(np.diff(np.vstack([default, told]), axis=0)).max(axis=1)
    assert steps[PROMOTED] == pytest.approx(limit), "on the very day of the promotion"
    assert steps.max() <= limit + 1e-9
    assert told[DEMOTED:].tolist() == [told[DEMOTED - 1].tolist()] * (len(DAYS) - DEMOTED)
    distance = np.abs(vectors(after, "learned_weight") - told).max(axis=1)
    assert distance[DEMOTED - 1] < distance[PROMOTED - 1]
    document = open_warehouse(after).publications.document("weights", DAYS[PROMOTED])
    assert document["previous"] == {"known_on": None, "weights": after.features.default_weights}
    assert (document["mode"], document["mode_since"]) == (ACTIVE, str(DAYS[PROMOTED]))


def test_what_is_published_as_active_ends_with_the_last_active_day_whatever_was_ordered_at_noon(after):
    publications = open_warehouse(after).publications
    assert publications.current("weights")["known_on"] == str(DAYS[DEMOTED - 1])
    assert publications.history("weights") == DAYS[PROMOTED:DEMOTED]
    assert publications.shadow.history("weights") == [*DAYS[:PROMOTED], *DAYS[DEMOTED:]]
    recommendations = publications.current("recommendations")
    told = publications.current("weights")
    adjustments = recommendations["discovery_parameter_adjustments"]
    assert recommendations["known_on"] == str(DAYS[-1])
    assert {name: adjustments[name] for name in ("parameters_version", "status", "reason", "data")} == {
        name: told[name] for name in ("parameters_version", "status", "reason", "data")
    }
    assert adjustments["changes"] == {}


def test_a_backfill_with_the_same_orders_gives_the_bytes_of_the_nights_one_by_one(after, ingested_base, tmp_path):
    again = in_shadow(Path(shutil.copytree(ingested_base, tmp_path / "again")))
    orders = open_warehouse(after).table("publication_orders").read(None, None)
    open_warehouse(again).table("publication_orders").merge(orders)
    backfilled(again)
    assert kept(again) == kept(after)
    before = kept(after)
    backfilled(after)
    assert kept(after) == before


def test_the_past_of_an_order_does_not_know_of_it(after, finished):
    """In shadow from the beginning and for ever: the same days before the promotion, to the byte."""
    never = in_shadow(finished.data_dir)
    for folder in ("weight_decisions", "learning_effectiveness"):
        shutil.rmtree(never.data_dir / "tables" / folder)
    shutil.rmtree(never.data_dir / "published")
    backfilled(never)
    last = DAYS[PROMOTED - 1]
    for name in ("weight_decisions", "learning_effectiveness"):
        tables = [open_warehouse(one).table(name) for one in (never, after)]
        assert tables[0].fingerprint(None, last) == tables[1].fingerprint(None, last), name
    histories = [tree(one.data_dir / "published" / "shadow" / "history" / "weights") for one in (never, after)]
    names = [f"{day}.json" for day in DAYS[:PROMOTED]]
    assert [histories[0][name] for name in names] == [histories[1][name] for name in names]


def test_a_demoted_document_stays_byte_for_byte_and_a_client_keeps_it(finished):
    """Active up to a day, then nights in shadow: file, answer and what the client hands out stay what they were."""
    for folder in ("weight_decisions", "learning_effectiveness", "calibration_decisions", "corrections"):
        shutil.rmtree(finished.data_dir / "tables" / folder)
    shutil.rmtree(finished.data_dir / "published")
    backfilled(finished, DAYS[:DEMOTED])
    files = [finished.data_dir / "published" / f"{name}.json" for name in ("weights", "confidence")]
    before = [file.read_bytes() for file in files]
    wanted = {f"{name}_weight": weight for name, weight in finished.features.default_weights.items()}
    with served(finished) as service, LearningClient(service.url) as client, httpx.Client(base_url=service.url) as http:
        told, answered = client.get_discovery_parameters(wanted), http.get(PARAMETERS)
        for document in ("weights", "confidence"):
            ordered(finished, SHADOW, DAYS[DEMOTED], document)
        backfilled(finished, DAYS[DEMOTED:])
        assert [file.read_bytes() for file in files] == before
        later = http.get(PARAMETERS)
        assert (later.content, later.headers["etag"]) == (answered.content, answered.headers["etag"])
        assert client.get_discovery_parameters(wanted) == told != wanted
        assert client.last_read.source == "published"
    publications = open_warehouse(finished).publications
    recommendations = publications.current("recommendations")
    assert recommendations["confidence_calibration"] == publications.current("confidence")["data"]
    assert publications.shadow.current("confidence")["known_on"] == str(DAYS[-1])


def test_an_order_of_the_same_day_that_is_taken_back_leaves_what_was_told_before(finished):
    before = (finished.data_dir / "published" / "weights.json").read_bytes()
    day = DAYS[-1].replace(day=DAYS[-1].day + 3) if DAYS[-1].weekday() == 4 else DAYS[-1].replace(day=DAYS[-1].day + 1)
    carry_out(open_warehouse(finished), finished, OperatorOrder("rollback", DAYS[0], "feed"), requested_at=noon(day))
    assert (finished.data_dir / "published" / "weights.json").read_bytes() != before
    ordered(finished, SHADOW, day)
    assert (finished.data_dir / "published" / "weights.json").read_bytes() == before
    assert open_warehouse(finished).publications.shadow.current("weights")["status"] == "rolled_back"


def test_a_promotion_that_is_taken_back_on_its_day_has_told_nothing_that_stays(shadowed):
    """Of one day the last order holds: no mode begins on it, so only the document of the first order names the day."""
    day, publications = DAYS[PROMOTED], open_warehouse(shadowed).publications
    ordered(shadowed, ACTIVE, day)
    assert publications.current("weights")["known_on"] == str(day)
    ordered(shadowed, SHADOW, day, minute=1)
    assert publications.current("weights") is None
    assert publications.shadow.current("weights")["known_on"] == str(day)
    ordered(shadowed, ACTIVE, day, minute=2)
    assert publications.current("weights")["known_on"] == str(day)
    assert publications.shadow.current("weights")["known_on"] == str(DAYS[PROMOTED - 1])
    ordered(shadowed, SHADOW, day, minute=3)
    backfilled(shadowed, [day])
    assert publications.current("weights") is None
    assert publications.history("weights") == []


@pytest.mark.parametrize("document", ["weights", "confidence", "corrections"])
def test_a_demotion_that_is_taken_back_on_its_day_leaves_no_shadow(finished, document):
    day, publications = next_knowledge_day(DAYS[-1]), open_warehouse(finished).publications
    ordered(finished, SHADOW, day, document)
    ordered(finished, ACTIVE, day, document, minute=1)
    assert publications.shadow.history(document) == []
    assert publications.current(document)["known_on"] == str(day)


def test_an_account_of_the_shadow_says_what_was_learned_and_how_far_the_walk_is(shadowed):
    account = shadow_account(open_warehouse(shadowed), shadowed, "weights", DAYS[PROMOTED])
    assert (account.since, account.first_night, account.n_nights) == (None, DAYS[0], PROMOTED)
    assert {one["verdict"] for one in account.findings} <= {"too_early", "helped", "no_difference"}
    assert len(account.findings) > 0
    assert account.harm is None
    farthest = np.abs(vectors(shadowed, "shadow_weight")[-1] - vectors(shadowed)[-1]).max()
    assert account.walk.largest_distance == pytest.approx(farthest)
    assert account.walk.n_nights >= np.ceil(farthest / shadowed.weights.daily_limit)


def test_weights_that_a_rollback_holds_are_promoted_after_its_release_only(shadowed):
    day = DAYS[PROMOTED]
    rollback, release = OperatorOrder("rollback", DAYS[5], "look"), OperatorOrder("release", None, "done")
    carry_out(open_warehouse(shadowed), shadowed, rollback, requested_at=noon(day))
    with pytest.raises(OrderError, match=r"a rollback holds them.* Release it first: amc-learning weights release"):
        ordered(shadowed, ACTIVE, day, minute=1)
    assert not (shadowed.data_dir / "published" / "weights.json").exists()
    carry_out(open_warehouse(shadowed), shadowed, release, requested_at=noon(day, minute=2))
    assert ordered(shadowed, ACTIVE, day, minute=3)["mode"] == ACTIVE


@pytest.mark.parametrize(
    ("mode", "document", "words"),
    [
        (ACTIVE, "weights", "there is nothing to promote"),
        (ACTIVE, "daily_report", "is always active"),
        (SHADOW, "recommendations", "is always active"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_and_kept_nowhere(finished, mode, document, words):
    with pytest.raises(OrderError, match=words):
        ordered(finished, mode, DAYS[-1], document)
    assert open_warehouse(finished).table("publication_orders").days() == []


def test_before_a_night_in_shadow_there_is_nothing_to_promote(loaded):
    settings = in_shadow(loaded.data_dir)
    with pytest.raises(OrderError, match="run a night first"):
        ordered(settings, ACTIVE, DAYS[0])
    with pytest.raises(OrderError, match="in shadow already"):
        ordered(settings, SHADOW, DAYS[0])


def test_a_demotion_before_the_first_night_would_bar_all_earlier_nights_and_is_refused(loaded):
    with pytest.raises(OrderError, match="AMC_LEARNING_PUBLICATION__CORRECTIONS_MODE=shadow before the first night"):
        ordered(loaded, SHADOW, next_knowledge_day(DAYS[-1]), "corrections")
    backfilled(loaded, DAYS[:2])
    assert open_warehouse(loaded).table("weight_decisions").days() == DAYS[:2]
