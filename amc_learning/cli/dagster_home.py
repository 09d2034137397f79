"""Where Dagster keeps its things: prepares the environment before anything of Dagster is asked for an instance.

DAGSTER_HOME becomes `<data directory>/dagster` with a copy of the `dagster.yaml` of the working directory: Dagster
writes nowhere else then. An operator who sets DAGSTER_HOME is respected.
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
"""Used where no `dagster.yaml` lies in the working directory."""


def prepare_dagster_home(settings: Settings) -> Path:
    """Point DAGSTER_HOME at a folder under the data directory that holds our `dagster.yaml`; that folder."""
    home = (settings.data_dir / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault(DAGSTER_DIR_VARIABLE, str(home))
    if "DAGSTER_HOME" not in os.environ:
        ours = Path("dagster.yaml")
        (home / "dagster.yaml").write_text(ours.read_text() if ours.exists() else EMBEDDED)
        os.environ["DAGSTER_HOME"] = str(home)
    return Path(os.environ["DAGSTER_HOME"])
