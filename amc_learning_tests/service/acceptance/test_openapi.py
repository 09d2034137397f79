"""The running server keeps to its own OpenAPI document, by requests that schemathesis makes from it."""

import subprocess
import sys

import pytest

from amc_learning_tests.acceptance.loop import child_environment
from amc_learning_tests.service.running import COMMAND, WEIGHTS_PATH, running

PROGRAM = "from schemathesis.cli import schemathesis; schemathesis()"

EXCLUDED_CHECKS = (
    # the older path takes a body or parameters: the document cannot say that one of both is needed
    "positive_data_acceptance",
)

MOST_EXAMPLES = 12


def checked(service, tmp_path, *, key=None):
    words = [
        "run",
        f"{service.base_url}/openapi.json",
        "--checks=all",
        f"--exclude-checks={','.join(EXCLUDED_CHECKS)}",
        "--phases=examples,coverage,fuzzing",
        f"--max-examples={MOST_EXAMPLES}",
        "--seed=1",
        "--no-shrink",
        "--warnings=off",
        *([] if key is None else [f"--header=Authorization: Bearer {key}"]),
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Traceback" not in service.log(), service.log()[-2000:]


@pytest.mark.slow
def test_without_keys_every_answer_is_one_that_is_documented(tmp_path):
    with running(tmp_path / "data") as service:
        checked(service, tmp_path)


@pytest.mark.slow
def test_with_keys_every_answer_is_one_that_is_documented_and_no_key_means_401(tmp_path):
    data_dir = tmp_path / "data"
    made = subprocess.run(
        [sys.executable, "-c", COMMAND, "keys", "create", "everything"],
        env=child_environment(data_dir),
        capture_output=True,
        text=True,
        check=True,
    )
    with running(data_dir) as service:
        assert service.get(WEIGHTS_PATH).status == 401
        checked(service, tmp_path, key=made.stdout.strip())
