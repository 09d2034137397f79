"""Assets as people meet them: the question, then table, numbers, picture, method and page.

Belongs here: the description and the links every asset gets when definitions are built. Not here: the words (guide),
what one materialization tells (common).
"""

from urllib.parse import urldefrag

import dagster as dg

from amc_learning.assets.common import column_schema
from amc_learning.assets.guide import GUIDES, Guide
from amc_learning.contracts.tables import Catalogue, Table
from amc_learning.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def explained(spec: dg.AssetSpec, tables: Catalogue, settings: Settings) -> dg.AssetSpec:
    """The asset with a description for analysts, its columns when it is a table, and links to method and page.

    Args:
        spec: with the question it answers as description, which is the docstring of its function.
        tables: the declarations.
        settings: where documentation and service are found.

    Raises:
        KeyError: the asset has no entry in the guide.
    """
    name = spec.key.to_user_string()
    guide = GUIDES[name]
    table = next((table for table in tables if table.name == name), None)
    columns = {} if table is None else {"dagster/column_schema": column_schema(table)}
    page = page_address(guide, settings)
    links = {"docs": _docs_value(guide, settings), **({} if page is None else {"page": dg.MetadataValue.url(page)})}
    return spec.replace_attributes(description=_description(spec, guide, table, settings)).merge_attributes(
        metadata={**columns, **links}
    )


def docs_address(docs: str, docs_url: str | None) -> str:
    """Where a section of the documentation is read: on the site, or else the name of its file.

    >>> docs_address("methods.md#thresholds", "http://docs.example")
    'http://docs.example/methods.html#thresholds'
    >>> docs_address("methods.md#thresholds", None)
    'docs/methods.md#thresholds'
    """
    if docs_url is None:
        return f"docs/{docs}"
    file, section = urldefrag(docs)
    return f"{docs_url.rstrip('/')}/{file.removesuffix('.md')}.html#{section}"


def page_address(guide: Guide, settings: Settings) -> str | None:
    """Address of the page of an asset on this machine's service; None without one, or where only a proxy knows it."""
    service = settings.service
    if guide.page is None or service.host not in LOOPBACK:
        return None
    host = f"[{service.host}]" if ":" in service.host else service.host
    return f"http://{host}:{service.port}{guide.page}"


def _docs_value(guide: Guide, settings: Settings) -> dg.MetadataValue:
    address = docs_address(guide.docs, settings.automation.docs_url)
    return dg.MetadataValue.text(address) if settings.automation.docs_url is None else dg.MetadataValue.url(address)


def _description(spec: dg.AssetSpec, guide: Guide, table: Table | None, settings: Settings) -> str:
    """Markdown: the question first, because the graph shows only the beginning."""
    address = docs_address(guide.docs, settings.automation.docs_url)
    parts = [(spec.description or "").strip()]
    if table is not None:
        parts.append(f"**Table** `{table.name}`. {table.description} `amc-learning describe {table.name}`")
    parts.append(f"**Method** {address if settings.automation.docs_url is None else f'[{guide.docs}]({address})'}")
    if guide.chart is not None:
        parts.append(f"**Picture** in each materialization: {guide.chart}.")
    if guide.series:
        listed = "\n".join(f"- `{name}`: {meaning}" for name, meaning in guide.series.items())
        parts.append(f"**Numbers over days**\n\n{listed}")
    if guide.page is not None:
        parts.append(f"**Page** of the service: {page_address(guide, settings) or guide.page}")
    return "\n\n".join(parts)
