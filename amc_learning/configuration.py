"""Settings as people write them, looked at before they become Settings: the environment, and one TOML file.

Belongs here: what cannot be read at all, and what would be ignored without a word. Not here: names, bounds and defaults
of settings (settings).
"""

import json
import os
import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic_settings import BaseSettings, TomlConfigSettingsSource

PREFIX = "AMC_LEARNING_"
CONFIG_VARIABLE = "AMC_LEARNING_CONFIG"
DEFAULT_FILE = Path("amc_learning.toml")
LIKENESS = 0.8
"""From here on a name is taken for a misspelt setting; other programs may have variables of this prefix too."""


class ConfigurationError(Exception):
    """Settings that cannot be read; nothing was done, and the message names the variable or the file."""


def refuse_unusable_variables(names: Collection[str], environment: Mapping[str, str]) -> None:
    """Refuse variables that are meant as settings and would not become one.

    Args:
        names: settings and sections there are, as in the first part of a variable.
        environment: all variables.

    >>> refuse_unusable_variables(["weights"], {"AMC_LEARNING_WIEGHTS__CAP": "0.5"})
    Traceback (most recent call last):
    ...
    amc_learning.configuration.ConfigurationError: AMC_LEARNING_WIEGHTS__CAP: there is no setting 'wieghts'; did you \
mean 'weights'? Nothing was done
    """
    for variable, value in environment.items():
        if not variable.startswith(PREFIX):
            continue
        first, is_nested, _ = variable.removeprefix(PREFIX).lower().partition("__")
        if first not in names:
            alike = get_close_matches(first, names, n=1, cutoff=LIKENESS)
            if alike or is_nested:
                meant = f"did you mean {alike[0]!r}?" if alike else "docs/operations.md lists them."
                raise ConfigurationError(f"{variable}: there is no setting {first!r}; {meant} Nothing was done")
        elif first == "data_dir" and not value:
            raise ConfigurationError(f"{variable} is empty; name a folder or unset it. Nothing was done")
        elif value.lstrip().startswith(("{", "[")):
            _refuse_broken_json(variable, value)


def toml_source(settings: type[BaseSettings]) -> TomlConfigSettingsSource:
    """The TOML file as a source of settings; the default file may be missing, a named one may not."""
    named = os.environ.get(CONFIG_VARIABLE)
    file = Path(named) if named else DEFAULT_FILE
    if named and not file.is_file():
        raise ConfigurationError(f"{CONFIG_VARIABLE} names {named}, which is no file; nothing was done")
    try:
        return TomlConfigSettingsSource(settings, file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not TOML: {error}; nothing was done") from error


def _refuse_broken_json(variable: str, value: str) -> None:
    try:
        json.loads(value)
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{variable} is not JSON: {error.msg} at character {error.pos + 1}; mappings and lists are written like "
            '{"1d": 1} and [90, 365]. Nothing was done'
        ) from error
