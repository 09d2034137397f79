"""Keys: shown once, kept as hashes, recognised only whole, and gone at the first look after their revocation."""

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from amc_learning.service.errors import KeyFileError
from amc_learning.service.keys import KEY_FILE, LOOK_SECONDS, RANDOM_BYTES, KeyRing

NOW = datetime(2024, 3, 4, 15, 0, tzinfo=UTC)


@pytest.fixture
def ring(tmp_path):
    """A ring whose every look is a second after the one before."""
    return KeyRing(tmp_path, clock=itertools.count(step=LOOK_SECONDS).__next__)


def key_file(ring_folder):
    return ring_folder.joinpath(*KEY_FILE)


def test_a_key_is_found_by_its_secret_and_by_nothing_less(ring):
    secret = ring.create("discovery", ["write"], now=NOW)
    assert ring.find(secret).name == "discovery"
    wrong = [secret[:-1], secret + "x", secret.upper(), secret.replace("discovery", "other"), f" {secret}", "discovery"]
    assert [ring.find(sent) for sent in wrong] == [None] * len(wrong)


@pytest.mark.parametrize(
    "sent", ["", "_", "amc", "amc_", "amc__", "amc_discovery", "amc_discovery_", "é", "\ud800", "_" * 10_000, "\x00"]
)
def test_what_is_no_key_is_not_found_and_raises_nothing(ring, sent):
    ring.create("discovery", ["write"], now=NOW)
    assert ring.find(sent) is None


def test_the_secret_holds_at_least_32_random_bytes_and_is_kept_nowhere(ring, tmp_path):
    secret = ring.create("discovery", ["read"], now=NOW)
    random_part = secret.removeprefix("amc_discovery_")
    assert RANDOM_BYTES >= 32
    assert len(random_part) >= RANDOM_BYTES * 8 / 6  # six bits a character
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert random_part.encode() not in kept


def test_two_keys_are_never_alike(ring):
    secrets = {ring.create(f"key-{number}", ["read"], now=NOW).rpartition("_")[2] for number in range(20)}
    assert len(secrets) == 20


def test_the_file_is_private_to_its_owner(ring, tmp_path):
    ring.create("discovery", ["read"], now=NOW)
    assert key_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert key_file(tmp_path).parent.stat().st_mode & 0o777 == 0o700


def test_scopes_are_kept_as_given_and_a_key_needs_one(ring):
    ring.create("both", ["write", "read", "write"], now=NOW)
    (key,) = ring.all()
    assert (key.scopes, key.created_at) == (("read", "write"), "2024-03-04T15:00:00+00:00")
    with pytest.raises(KeyFileError, match="at least one scope"):
        ring.create("none", [], now=NOW)


@pytest.mark.parametrize("name", ["", "A", "-a", "a_b", "a/b", "../a", "a b", "1a", "a" * 32, "a\n"])
def test_names_are_plain_words(ring, name):
    with pytest.raises(KeyFileError, match="cannot name a key"):
        ring.create(name, ["read"], now=NOW)


def test_a_name_is_taken_until_its_key_is_revoked(ring):
    first = ring.create("discovery", ["read"], now=NOW)
    with pytest.raises(KeyFileError, match="keys revoke discovery"):
        ring.create("discovery", ["read"], now=NOW)
    assert ring.find(first) is not None
    ring.revoke("discovery")
    assert ring.find(first) is None
    assert ring.find(ring.create("discovery", ["read"], now=NOW)) is not None
    assert ring.find(first) is None


def test_revoking_what_is_not_there_says_so(ring):
    with pytest.raises(KeyFileError, match="keys list"):
        ring.revoke("discovery")


def test_another_process_that_makes_or_revokes_a_key_is_noticed_by_the_next_look(ring, tmp_path):
    assert ring.all() == ()
    elsewhere = KeyRing(tmp_path)
    secret = elsewhere.create("discovery", ["read"], now=NOW)
    assert ring.find(secret) is not None
    elsewhere.revoke("discovery")
    assert ring.find(secret) is None
    key_file(tmp_path).unlink()
    assert ring.all() == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"keys": 1}', b'{"keys": [1]}', b'{"keys": [{"name": "a"}]}', b"\xff"],
)
def test_a_damaged_file_lets_nobody_in(ring, tmp_path, content):
    secret = ring.create("discovery", ["read"], now=NOW)
    key_file(tmp_path).write_bytes(content)
    for ask in (ring.all, lambda: ring.find(secret), lambda: ring.revoke("discovery")):
        with pytest.raises(KeyFileError, match="cannot be read; nobody is let in"):
            ask()


def test_the_file_says_what_people_want_to_know_of_a_key(ring, tmp_path):
    ring.create("discovery", ["read"], now=NOW)
    (entry,) = json.loads(key_file(tmp_path).read_bytes())["keys"]
    assert set(entry) == {"name", "scopes", "created_at", "sha256"}


def test_keys_made_and_revoked_at_the_same_time_undo_nothing_of_each_other(tmp_path):
    n_makers, n_each = 4, 8
    start = threading.Barrier(n_makers)

    def make(maker):
        ring = KeyRing(tmp_path)
        start.wait()
        for number in range(n_each):
            ring.create(f"maker-{maker}-{number}", ["read"], now=NOW)
            if number % 2:
                ring.revoke(f"maker-{maker}-{number}")

    with ThreadPoolExecutor(n_makers) as pool:
        list(pool.map(make, range(n_makers)))
    expected = {f"maker-{maker}-{number}" for maker in range(n_makers) for number in range(0, n_each, 2)}
    assert {key.name for key in KeyRing(tmp_path).all()} == expected
