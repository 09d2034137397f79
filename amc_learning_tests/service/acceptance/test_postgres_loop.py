"""The whole loop on PostgreSQL, by its own roles: events over HTTP, the drain, nights through Dagster, documents.

Inbox and Dagster's storage lie on the server. It is restarted while events come in and crashes while a night runs.
"""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from amc_learning.intake.files import read_records
from amc_learning.stages.ingest import ingest_bars, ingest_index
from amc_learning.warehouse.errors import InboxError
from amc_learning.warehouse.inbox import Inbox
from amc_learning_tests.acceptance.kill_study import COMMAND, LIMIT_SECONDS
from amc_learning_tests.acceptance.loop import (
    DAYS,
    RECEIVED_AT,
    backfilled,
    child_environment,
    open_warehouse,
    run_through_dagster,
    settings_for,
)
from amc_learning_tests.acceptance.loop import kept as files_kept
from amc_learning_tests.service.acceptance.kept import kept, troubles_of
from amc_learning_tests.service.postgres import postgres_server
from amc_learning_tests.service.running import running

DEPLOY = Path(__file__).resolve().parents[3] / "deploy" / "postgres"
NIGHTS = DAYS[-2:]
PASSWORDS = ("owner_password", "app_password", "dagster_password")


@pytest.fixture(scope="module")
def server():
    with postgres_server() as started:
        words = [word for name in PASSWORDS for word in ("-v", f"{name}=word")]
        subprocess.run(
            [str(started.binaries / "psql"), "-q", *words, "-f", str(DEPLOY / "roles.sql"), plain(started.url)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        yield started


def plain(url):
    return url.replace("postgresql+psycopg2", "postgresql")


def url_of(server, role, database):
    return f"postgresql+psycopg2://{role}@127.0.0.1:{server.port}/{database}"


@pytest.fixture
def urls(server):
    """Addresses of owner and app at the inbox, and of Dagster at its storage; the owner has made the tables."""
    owner = url_of(server, "amc_learning_owner", "amc_learning")
    inbox = Inbox(owner)
    inbox.n_pending()
    inbox.close()
    app = url_of(server, "amc_learning_app", "amc_learning")
    return owner, app, url_of(server, "amc_learning_dagster", "amc_learning_dagster")


def sent(client, kind, bodies, acknowledged):
    """Send as a sender does: again while the service says to come back; remembers what was acknowledged."""
    for body in bodies:
        for _ in range(200):
            answer = client.send(kind, body)
            if answer.status == 202:
                acknowledged[kind, answer.json()["event_id"]] = body
                break
            assert answer.status == 503, answer.content
            threading.Event().wait(0.1)
        else:
            pytest.fail("the service never took the event")


def nights(settings, home, urls):
    environment = child_environment(
        settings.data_dir,
        {
            "AMC_LEARNING_INBOX_URL": urls[1],
            "AMC_LEARNING_DAGSTER_POSTGRES_URL": urls[2],
            "AMC_LEARNING_DAGSTER_DIR": str(home),
            "DAGSTER_HOME": str(home),
        },
    )
    words = ["run", "daily", "--from", str(NIGHTS[0]), "--to", str(NIGHTS[-1])]
    program = [sys.executable, "-W", "ignore", "-c", COMMAND, *words]
    return subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_events_over_http_to_published_weights_with_the_server_restarted_in_the_middle(
    server, urls, files, tmp_path, clean_environment
):
    settings = settings_for(tmp_path / "data").model_copy(update={"inbox_url": urls[1]})
    warehouse = open_warehouse(settings)
    ingest_index(warehouse, settings, [files.index], received_at=RECEIVED_AT)
    ingest_bars(warehouse, settings, [files.bars], received_at=RECEIVED_AT)
    warehouse.inbox.close()
    acknowledged = {}
    bodies = [record.text.encode() for record in read_records(files.discovery, kind="discovery")]
    with running(settings.data_dir, {"INBOX_URL": urls[1]}) as service:
        client = service.client()
        sent(client, "discovery", bodies[:20], acknowledged)
        restart = threading.Thread(target=server.restart, args=("fast",))
        restart.start()
        sent(client, "discovery", bodies[20:], acknowledged)
        restart.join(LIMIT_SECONDS)
    assert len(acknowledged) == len(bodies)
    backfilled(settings, DAYS[:-2]).inbox.close()

    undisturbed = settings.model_copy(update={"data_dir": Path(shutil.copytree(settings.data_dir, tmp_path / "copy"))})
    assert run_through_dagster(undisturbed, NIGHTS).success
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(DEPLOY / "dagster.yaml", home / "dagster.yaml")
    first = nights(settings, home, urls)
    outcomes = open_warehouse(settings).table("candidate_outcomes")
    while first.poll() is None and not outcomes.has(NIGHTS[-1]):
        threading.Event().wait(0.05)
    assert first.poll() is None, "the night had ended before the server was restarted"
    server.restart("immediate")
    _, errors = first.communicate(timeout=LIMIT_SECONDS)
    if first.returncode:
        again = nights(settings, home, urls)
        _, errors = again.communicate(timeout=LIMIT_SECONDS)
        assert again.returncode == 0, errors.decode()
    assert files_kept(settings) == files_kept(undisturbed)
    assert open_warehouse(settings).publications.document("weights", NIGHTS[-1]) is not None
    assert troubles_of(acknowledged, kept(settings)) == []
    with sa.create_engine(urls[2]).connect() as connection:
        ended = set(connection.execute(sa.text("SELECT status FROM runs")).scalars())
    assert "SUCCESS" in ended


@pytest.mark.slow
def test_the_app_can_neither_change_the_schema_nor_see_dagsters_database(urls):
    engine = sa.create_engine(urls[1])
    with (
        engine.connect() as connection,
        pytest.raises(sa.exc.ProgrammingError, match=r"must be owner|permission denied"),
    ):
        connection.execute(sa.text("DROP TABLE events"))
    elsewhere = sa.create_engine(f"{urls[1]}_dagster")
    with pytest.raises(sa.exc.OperationalError, match="permission denied for database"):
        elsewhere.connect()


@pytest.mark.slow
def test_an_older_schema_is_told_to_the_app_and_mended_by_the_owner(urls):
    engine = sa.create_engine(urls[0])
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE inbox_schema_version SET version = 0"))
        connection.execute(sa.text("DROP INDEX events_received"))
    with pytest.raises(InboxError, match="has schema 0, 1 is needed, and this role may not change it"):
        Inbox(urls[1]).n_pending()
    Inbox(urls[0]).n_pending()
    Inbox(urls[1]).n_pending()
