"""Where Dagster keeps its things: prepares the environment before anything of Dagster is asked for an instance.

`dagster.yaml` of the working directory is used when there is one; otherwise the same file, shipped with the package,
is placed in the data directory. Nothing is written anywhere but under the data directory.
"""

import os
from pathlib import Path

from amc_learning.settings import Settings

DAGSTER_DIR_VARIABLE = "AMC_LEARNING_DAGSTER_DIR"
EMBEDDED = """\
telemetry: {enabled: false}
nux: {enabled: false}
storage:
  sqlite: {base_dir: {env: AMC_LEARNING_DAGSTER_DIR}}
"""


def prepare_dagster_home(settings: Settings) -> Path:
    """Point DAGSTER_HOME at the right `dagster.yaml`; a DAGSTER_HOME set by the operator is respected."""
    storage = (settings.data_dir / "dagster").resolve()
    storage.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault(DAGSTER_DIR_VARIABLE, str(storage))
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    if "DAGSTER_HOME" not in os.environ:
        here = Path.cwd()
        if not (here / "dagster.yaml").exists():
            here = storage
            (here / "dagster.yaml").write_text(EMBEDDED)
        os.environ["DAGSTER_HOME"] = str(here)
    return Path(os.environ["DAGSTER_HOME"])
