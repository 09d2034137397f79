"""Settings that were meant and have no effect: misspelt names, values that are refused, values that contradict.

Belongs here: looking at environment, TOML file and settings. Not here: what settings there are (settings).
"""

import difflib
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from amc_learning.configuration import CONFIG_VARIABLE, DEFAULT_FILE, PREFIX, ConfigurationError
from amc_learning.settings import Settings
from amc_learning.stages.doctor_findings import Finding

OUTSIDE = frozenset({CONFIG_VARIABLE, "AMC_LEARNING_DAGSTER_DIR", "AMC_LEARNING_DAGSTER_POSTGRES_URL"})
"""Variables of ours that are no settings."""

SUBJECT = "settings"


def examine_settings(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """What is wrong with the settings as they would be read now; one finding that all is well when nothing is."""
    file = Path(environment.get(CONFIG_VARIABLE) or DEFAULT_FILE)
    known = dict(_names(Settings))
    found = [*_unknown_variables(environment, known), *_unknown_keys(file, known)]
    try:
        settings = Settings()
    except ValidationError as refusal:
        return [*found, *_refused(refusal, known, {one.where for one in found})]
    except (ConfigurationError, SettingsError) as refusal:
        if any(one.where in str(refusal) for one in found):
            return found
        return [*found, _trouble(str(refusal), str(file), "correct it as the sentence says")]
    found += _contradictions(settings)
    source = f"environment and {file}" if file.is_file() else "environment; no TOML file"
    return found or [Finding(SUBJECT, is_ok=True, finding=f"every name is known ({source})")]


def _trouble(finding: str, where: str, remedy: str) -> Finding:
    return Finding(SUBJECT, is_ok=False, finding=finding, remedy=remedy, where=where)


def _names(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Dotted names of settings and sections, and whether it is a section."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield f"{prefix}{name}", True
            yield from _names(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", False


def variable_of(name: str) -> str:
    """The variable of a setting.

    >>> variable_of("weights.daily_limit")
    'AMC_LEARNING_WEIGHTS__DAILY_LIMIT'
    """
    return f"{PREFIX}{name.upper().replace('.', '__')}"


def _unknown_variables(environment: Mapping[str, str], known: Mapping[str, bool]) -> Iterator[Finding]:
    variables = {variable_of(name) for name in known} | OUTSIDE
    known_parts = [one.removeprefix(PREFIX) for one in sorted(variables)]
    for variable in sorted(environment):
        if not variable.upper().startswith(PREFIX) or variable.upper() in variables:
            continue
        if _is_inside_a_mapping(variable.upper(), known):
            continue
        # without the prefix, which makes every name look alike
        near = difflib.get_close_matches(variable.upper().removeprefix(PREFIX), known_parts, 1)
        remedy = f"rename it: {PREFIX}{near[0]}" if near else f"unset {variable}"
        yield _trouble("no setting has this name, so it has no effect", variable, remedy)


def _is_inside_a_mapping(variable: str, known: Mapping[str, bool]) -> bool:
    """Whether it sets one entry of a mapping, such as AMC_LEARNING_OUTCOMES__HORIZONS__1D."""
    parents = (name for name, is_section in known.items() if not is_section)
    return any(variable.startswith(f"{variable_of(name)}__") and _is_mapping(name) for name in parents)


def _is_mapping(name: str) -> bool:
    model: type[BaseModel] = Settings
    *sections, last = name.split(".")
    for section in sections:
        annotation = model.model_fields[section].annotation
        assert isinstance(annotation, type)
        model = annotation
    return len(get_args(model.model_fields[last].annotation)) == 2 and "dict" in str(
        model.model_fields[last].annotation
    )


def _unknown_keys(file: Path, known: Mapping[str, bool]) -> Iterator[Finding]:
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return  # told where the settings are read
    for key, value in content.items():
        names = [key, *(f"{key}.{inner}" for inner in value)] if known.get(key) and isinstance(value, dict) else [key]
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                remedy = f"rename it to {near[0]}" if near else f"remove {name} from {file}"
                yield _trouble(f"no setting is called {name}", f"{file}: {name}", remedy)


def _refused(refusal: ValidationError, known: Mapping[str, bool], told: Collection[str]) -> Iterator[Finding]:
    for item in refusal.errors(include_input=False):
        name = ".".join(map(str, item["loc"]))
        if any(where == variable_of(name) or where.endswith(f": {name}") for where in told):
            continue
        if item["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, known, 1)
            remedy = f"rename it: {variable_of(near[0])}" if near else f"unset {variable_of(name)}"
            yield _trouble(f"no setting is called {name}", variable_of(name), remedy)
        else:
            yield _trouble(item["msg"], name or "settings", "correct it; docs/operations.md lists bounds and defaults")


def _contradictions(settings: Settings) -> Iterator[Finding]:
    """Values that are allowed each by itself and make no sense together."""
    alerts, service, automation = settings.alerts, settings.service, settings.automation
    if bool(alerts.smtp_host) != bool(alerts.email_to):
        lacking = "alerts.email_to" if alerts.smtp_host else "alerts.smtp_host"
        yield _trouble("e-mail needs a server and receivers, so none is sent", lacking, f"set {variable_of(lacking)}")
    if bool(alerts.smtp_user) != (alerts.smtp_password is not None):
        lacking = "alerts.smtp_password" if alerts.smtp_user else "alerts.smtp_user"
        yield _trouble("name and password come together", lacking, f"set {variable_of(lacking)}")
    if alerts.smtp_security == "none" and alerts.smtp_password is not None:
        yield _trouble(
            "the password of the mail server is sent in the clear", "alerts.smtp_security",
            "set AMC_LEARNING_ALERTS__SMTP_SECURITY=starttls",
        )  # fmt: skip
    if automation.alert_sensor_is_on and not (alerts.webhook_url or (alerts.smtp_host and alerts.email_to)):
        yield _trouble(
            "alerts are on and reach nobody but the log", "automation.alert_sensor_is_on",
            "set AMC_LEARNING_ALERTS__WEBHOOK_URL, then: amc-learning alerts test",
        )  # fmt: skip
    if settings.market.bars_source == "polygon" and settings.polygon.api_key is None:
        yield _trouble(
            "bars come from the vendor and there is no key", "polygon.api_key", "set AMC_LEARNING_POLYGON__API_KEY"
        )
    if service.allows_without_keys and service.host in {"127.0.0.1", "localhost", "::1"}:
        yield _trouble(
            "has no effect on loopback, and opens the service to everybody when the address changes",
            "service.allows_without_keys", "unset AMC_LEARNING_SERVICE__ALLOWS_WITHOUT_KEYS",
        )  # fmt: skip
    if automation.weights_due_hour <= automation.daily_hour and automation.daily_schedule_is_on:
        yield _trouble(
            f"weights are due at {automation.weights_due_hour}:00, before the night of {automation.daily_hour}:00",
            "automation.weights_due_hour", "set AMC_LEARNING_AUTOMATION__WEIGHTS_DUE_HOUR to a later hour",
        )  # fmt: skip
