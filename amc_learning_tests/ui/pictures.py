"""Draws every screen that the documentation shows, anew, in headless Chromium.

    make run
    python -m amc_learning_tests.ui.pictures [--data data/sample] [--to docs/images] [--only ROUND]

The analyst's screens are kept by the test that walks through them; the operator's and the newcomer's come from copies
of the demo that `make run` leaves, taken to where their pages show them. A page that complains on its console or shows
an error ends the drawing. Look at what was drawn before it is committed.

Belongs here: what is drawn, where, how much of it. Not here: `flow.svg`, drawn by hand; `replay.png`, which
`amc-learning replay` draws over a feed that is not in the repository.
"""

# ruff: noqa: T201 - the run reports to the terminal.

import argparse
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from PIL import Image
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from amc_learning_tests.acceptance.loop import child_environment
from amc_learning_tests.ports import free_port
from amc_learning_tests.service.dashboard.browser import Tab, tab
from amc_learning_tests.shown_commands import ROOT
from amc_learning_tests.ui.dagster_ui import START_SECONDS, DagsterUI
from amc_learning_tests.ui.test_in_browser import says, words

WIDTH, GRAPH_WIDTH = 1280, 1700
"""Pixels of a window; the graph is drawn wider, because its boxes grow with it."""

HEIGHT = 900
"""Pixels of what a tab shows at once."""

LAST_NIGHT, REFUSED_NIGHT = "2024-10-16", "2024-03-01"
"""Nights of the demo: the last one, and one that other nights build on."""

SWITCHED_ON = {
    f"AMC_LEARNING_AUTOMATION__{name}_IS_ON": "true" for name in ("DAILY_SCHEDULE", "INBOX_SENSOR", "ALERT_SENSOR")
}
EDGES = "[...document.querySelectorAll('svg > path')].filter(e => getComputedStyle(e).stroke !== 'none').length"


class Camera:
    """Opens pages in a tab and keeps what they show, with few colours, so that pictures are small."""

    def __init__(self, page: Tab, folder: Path) -> None:
        self.page = page
        self._folder = folder

    def open(self, url: str, *, until: str = "true", width: int = WIDTH) -> None:
        """Open a page and wait until it shows what it is opened for; one that complains is no picture."""
        self.page.open(url, width=width)
        self.page.wait_for(until)
        if self.page.complaints or self.page.value("!!document.querySelector('[class*=ErrorBoundary]')"):
            raise RuntimeError(f"{url} shows an error: {self.page.complaints}")

    def keep(self, name: str, *, box: tuple[int, int, int, int] | None = None) -> None:
        """What is seen now, or a part of it."""
        save(self._folder / f"{name}.png", _image(self.page.picture()).crop(box or (0, 0, WIDTH, HEIGHT)))

    def keep_page(self, name: str, *, height: int) -> None:
        """The first pixels of a page that is longer than a window, put together while scrolling."""
        self.page.value("document.documentElement.style.scrollbarWidth = 'none'")
        whole = Image.new("RGB", (WIDTH, height))
        for top in range(0, height, HEIGHT):
            reached = self.page.value(f"(scrollTo(0, {top}), Math.round(scrollY))")
            whole.paste(_image(self.page.picture()), (0, reached))
        save(self._folder / f"{name}.png", whole)


def save(path: Path, image: Image.Image) -> None:
    """Write a picture with few colours, and say how large it became."""
    image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {image.width} x {image.height}, {path.stat().st_size // 1024} KiB", flush=True)


def _image(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def analyst(_sample: Path, folder: Path) -> None:
    """The screens of docs/analyst.md, kept by the test that walks through them."""
    visit = [sys.executable, "-m", "pytest", "-q", "-n", "0", "amc_learning_tests/ui/test_in_browser.py"]
    with tempfile.TemporaryDirectory() as raw:
        subprocess.run(visit, cwd=ROOT, env=os.environ | {"AMC_LEARNING_UI_PICTURES": raw}, check=True)
        for path in sorted(Path(raw).glob("*.png")):
            if path.stem != "ui-graph":  # which `graph` draws: it waits for the arrows
                save(folder / path.name, _image(path.read_bytes()))


def operator(sample: Path, folder: Path) -> None:
    """The screens of docs/operator.md, and the two of the README."""
    with _copy(sample) as data:
        amc(data, "run", "daily", "--date", LAST_NIGHT)
        changed = {"AMC_LEARNING_WEIGHTS__DAILY_LIMIT": "0.05"}
        amc(data, "run", "daily", "--date", REFUSED_NIGHT, variables=changed, code=1)
        with up(data, SWITCHED_ON) as (ui, service), tab() as page:
            camera = Camera(page, folder)
            first_integration(service)
            camera.open(f"{service}/?refresh=off", until=says("In force, and why"))
            camera.keep_page("dashboard", height=1195)
            broken = httpx.post(f"{service}/learning/collect/thesis-decision", content='{"symbol": ', headers=JSON)
            assert broken.status_code == 400
            camera.open(f"{service}/?refresh=off", until=says("waits in quarantine"))
            camera.keep("operator-dashboard")
            camera.open(f"{ui.url}/automation", until=says("only on Saturday"))
            page.wait_for("!document.querySelector('[class*=spinner]')")  # each switch is asked for by itself
            camera.keep("operator-automation", box=(0, 0, WIDTH, 620))
            camera.open(f"{ui.url}/runs", until=says("Failure"))
            camera.keep("operator-runs", box=(0, 0, WIDTH, 600))
            failed = ui.query("{ runsOrError(filter: {statuses: [FAILURE]}) { ... on Runs { results { runId } } } }")
            run = failed["runsOrError"]["results"][0]["runId"]
            camera.open(f"{ui.url}/runs/{run}", until=WHERE_TRACE)
            # below lies the trace, with folders of the machine
            below = int(page.value(f"Math.floor({WHERE_TRACE}) - 6"))
            camera.keep("operator-failed-run", box=(0, 0, WIDTH, below))
            graph(camera, ui)


def graph(camera: Camera, ui: DagsterUI) -> None:
    """The flow between the groups of assets, without what surrounds it."""
    camera.open(f"{ui.url}/asset-groups", until=f"{says('step_5')} && {EDGES} > 10", width=GRAPH_WIDTH)
    camera.page.value("document.querySelector('[class*=zoomSliderContainer]').style.visibility = 'hidden'")
    boxes = "[...document.querySelectorAll('svg foreignObject')].map(e => e.getBoundingClientRect())"
    left, top, right, bottom = (
        int(camera.page.value(f"Math.{side}(...{boxes}.map(r => r.{edge}))"))
        for side, edge in (("min", "left"), ("min", "top"), ("max", "right"), ("max", "bottom"))
    )
    camera.keep("asset-graph", box=(left - 12, top - 4, right + 12, bottom + 4))
    camera.open(f"{ui.url}/asset-groups", until=f"{says('step_5')} && {EDGES} > 10", width=1400)
    camera.keep("ui-graph", box=(0, 0, 1400, HEIGHT))


def newcomer(sample: Path, folder: Path) -> None:
    """The screens of docs/tutorial.md: the demo, then a first integration in a folder of its own."""
    with _copy(sample) as data:
        with up(data) as (ui, _), tab() as page:
            camera = Camera(page, folder)
            camera.open((data / f"published/pages/daily_report/{LAST_NIGHT}.html").as_uri())
            camera.keep("tutorial-report")
            camera.open(f"{ui.url}/assets/weight_decisions?view=partitions&partition={LAST_NIGHT}")
            page.click(words("[Show Markdown]"))
            drawn = "document.querySelector('img[src^=\"data:image/png\"]')"
            page.wait_for(f"{drawn} && {drawn}.complete && {drawn}.naturalWidth > 300")
            camera.keep("tutorial-weights")
        with up(data.parent / "first") as (_, service), tab() as page:
            camera = Camera(page, folder)
            first_integration(service)
            camera.open(f"{service}/?refresh=off", until=says("In force, and why"))
            camera.keep("tutorial-dashboard", box=(0, 0, WIDTH, 760))


ROUNDS: Mapping[str, Callable[[Path, Path], None]] = {"analyst": analyst, "operator": operator, "newcomer": newcomer}
JSON = {"Content-Type": "application/json"}
WHERE_TRACE = """(() => {
    const cells = [...document.querySelectorAll('*')].filter(e => !e.children.length);
    const cell = cells.findLast(e => e.textContent == 'RUN_FAILURE');
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; cell && (node = walk.nextNode());) {
        const at = node.data.indexOf('Stack Trace:'), range = document.createRange();
        if (at < 0) continue;
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        const y = range.getBoundingClientRect().y;
        if (y > cell.getBoundingClientRect().y && y < innerHeight) return y;
    }
})()"""
"""How far down the row of a failed run begins to show its trace; nothing while it does not."""


@contextmanager
def _copy(sample: Path) -> Iterator[Path]:
    """A data directory of our own: what is done for a picture stays out of the demo."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        yield Path(shutil.copytree(sample, Path(folder) / "practice"))


def first_integration(service: str) -> None:
    """Let the example send its three events."""
    subprocess.run([sys.executable, ROOT / "examples" / "first_integration.py", service], check=True)


def amc(data: Path, *arguments: str, variables: Mapping[str, str] | None = None, code: int = 0) -> None:
    """Run `amc-learning` as a person does; a run that ends otherwise than the page says ends the drawing."""
    done = subprocess.run(_command(*arguments), cwd=ROOT, env=child_environment(data, variables), check=False)
    if done.returncode != code:
        raise RuntimeError(f"amc-learning {' '.join(arguments)} ended with {done.returncode}, not {code}")


@contextmanager
def up(data: Path, variables: Mapping[str, str] | None = None) -> Iterator[tuple[DagsterUI, str]]:
    """`amc-learning up` over a data directory: Dagster's UI and the address of the service."""
    port, service_port = free_port(), free_port()
    command = _command("up", "--port", str(port), "--service-port", str(service_port))
    with (data.parent / f"{data.name}.log").open("w") as log:
        program = subprocess.Popen(
            command, cwd=ROOT, env=child_environment(data, variables), stdout=log, stderr=log, start_new_session=True
        )
        try:
            ui, service = DagsterUI(f"http://127.0.0.1:{port}"), f"http://127.0.0.1:{service_port}"
            ui.answers()
            _answers(service)
            yield ui, service
        finally:
            program.send_signal(signal.SIGINT)
            program.wait(60)


@retry(retry=retry_if_exception_type(httpx.TransportError), stop=stop_after_delay(START_SECONDS), wait=wait_fixed(0.2))
def _answers(service: str) -> None:
    httpx.get(f"{service}/healthz", timeout=30).raise_for_status()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-c", "from amc_learning.cli import main; main()", *arguments]


def main() -> None:
    """Draw all rounds, or one."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "sample", help="what `make run` left")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images", help="the folder of pictures")
    parser.add_argument("--only", choices=ROUNDS, help="one round of the three")
    chosen = parser.parse_args()
    if not (chosen.data / "published" / "weights.json").exists():
        parser.error(f"there is no demo in {chosen.data}: make run")
    chosen.to.mkdir(parents=True, exist_ok=True)
    for name, draw in ROUNDS.items():
        if chosen.only in {None, name}:
            draw(chosen.data, chosen.to)


if __name__ == "__main__":
    main()
