"""What axe-core finds on the dashboard, in light and dark, on a desktop and on a phone.

axe-core is not a dependency: get it in a folder outside the checkout, `npm install axe-core`, and pass its file:

    python -m amc_learning_tests.service.dashboard.axe_study --axe node_modules/axe-core/axe.min.js
    python -m amc_learning_tests.service.dashboard.axe_study --axe ... --url http://127.0.0.1:8000/?refresh=off

Without --url the sample views are looked at, standing still and renewing themselves. Needs Chromium at
/usr/bin/chromium. Exit code 1 when a serious or critical violation was found.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from amc_learning.service.dashboard.page import render_dashboard
from amc_learning_tests.service.dashboard import sample
from amc_learning_tests.service.dashboard.browser import tab

GRAVE = {"serious", "critical"}
RUN = "axe.run().then(found => found.violations.map(one => [one.impact, one.id, one.nodes.map(node => node.html)]))"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every violation, a line per page, width, scheme and rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axe", type=Path, required=True, help="axe.min.js of axe-core")
    parser.add_argument("--url", action="append", help="page to look at; may be given again")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = list(violations(chosen.axe.read_text(encoding="utf-8"), chosen.url or samples(Path(folder))))
    sys.stdout.writelines(f"{line}\n" for _, line in found)
    n_grave = sum(impact in GRAVE for impact, _ in found)
    sys.stdout.write(f"{len(found)} violations, {n_grave} of them serious or critical\n")
    return 1 if n_grave else 0


def samples(folder: Path) -> list[str]:
    """Addresses of the sample views, drawn into a folder."""
    views = {
        "full": replace(sample.full_view(), refresh_seconds=0),
        "troubled": replace(sample.troubled_view(), refresh_seconds=0),
        "empty": sample.empty_view(),
        "renewing": sample.full_view(),
    }
    for name, view in views.items():
        (folder / f"{name}.html").write_text(render_dashboard(view), encoding="utf-8")
    return [(folder / f"{name}.html").as_uri() for name in views]


def violations(axe: str, urls: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Impact and a line about it, for every rule broken on any of the pages."""
    with tab() as browser:
        for url in urls:
            for width in (1280, 390):
                for is_dark in (False, True):
                    browser.open(url, width=width, is_dark=is_dark)
                    browser.value(f"{axe};0")
                    for impact, rule, nodes in browser.value(RUN):
                        where = f"{url} {width} px {'dark' if is_dark else 'light'}"
                        yield impact, f"{impact} {rule} ({len(nodes)}): {where}: {nodes[0][:160]}"


if __name__ == "__main__":
    sys.exit(main())
