"""A headless Chromium on a page, driven over the DevTools protocol.

Belongs here: starting, asking, stopping. Not here: what is expected of a page (test_in_browser), axe-core (axe_study).
"""

import base64
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS, ANSWER_SECONDS = 30.0, 60.0
MEGABYTES_64 = 64 * 1024 * 1024


class Tab:
    """One open page; `complaints` are the errors and warnings it has put on its console so far."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._n_sent = 0
        self._session: str | None = None
        self._events: list[str] = []
        self.complaints: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def open(self, url: str, *, width: int = 1280, is_dark: bool = False) -> None:
        """Load a page, `width` CSS pixels wide, and wait until it is there."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self._ask("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            self._receive()

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives, awaited when it is a promise."""
        answer = self._ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression[:60]}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, seconds: float = ANSWER_SECONDS) -> Any:
        """The first truthy value of an expression of JavaScript; the page is asked again until it gives one."""
        said = "'never true; the page ends in: ' + document.body.innerText.slice(-1500)"
        poll = (
            f"new Promise((done, fail) => {{ const end = Date.now() + {1000 * seconds:.0f};"
            f" const look = () => {{ let v; try {{ v = {expression} }} catch (e) {{ v = null }}"
            f" if (v) done(v instanceof Node || v); else if (Date.now() > end) fail(new Error({said}));"
            " else setTimeout(look, 50) }; look() })"
        )
        return self.value(poll)

    def click(self, element: str, *, seconds: float = ANSWER_SECONDS) -> None:
        """Press the left button in the middle of an element, given as JavaScript, once it rests uncovered."""
        at = (
            f"(() => {{ const e = {element}; if (!e || e.disabled) return null; e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect(); const p = [r.x + r.width / 2, r.y + r.height / 2];"
            " const same = r.width && window.lastPlace == String(p); window.lastPlace = String(p);"
            " const top = document.elementFromPoint(...p); return same && top && e.contains(top) ? p : null })()"
        )
        x, y = self.wait_for(at, seconds=seconds)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            pressed = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **pressed)

    def type(self, text: str) -> None:
        """Put text where the caret is, as a keyboard does."""
        self._ask("Input.insertText", text=text)

    def press(self, key: str, *, code: int, modifiers: int = 0) -> None:
        """Press and release one key; `modifiers` 2 is Ctrl."""
        for kind in ("rawKeyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, modifiers=modifiers)

    def picture(self) -> bytes:
        """What is seen once everything that fades in has, as PNG."""
        ends = "a => a.effect.getComputedTiming().iterations !== Infinity"
        self.value(f"Promise.allSettled(document.getAnimations().filter({ends}).map(a => a.finished)).then(() => true)")
        return base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._n_sent += 1
        question = {"id": self._n_sent, "method": method, "params": parameters}
        self._connection.send(json.dumps(question | ({"sessionId": self._session} if self._session else {})))
        while (answer := self._receive()).get("id") != self._n_sent:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _receive(self) -> Any:
        message = json.loads(self._connection.recv(timeout=ANSWER_SECONDS))
        method, details = message.get("method"), message.get("params", {})
        if method is not None:
            self._events.append(method)
        if method == "Log.entryAdded" and details["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(details["entry"]["text"])
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(details["exceptionDetails"]))
        return message


@contextmanager
def tab() -> Iterator[Tab]:
    """A page in a browser of its own, with an empty profile; the browser ends with it."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        arguments = [CHROMIUM, *ARGUMENTS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            # Chromium says where it listens as soon as it does.
            said = next(line for line in process.stderr if line.startswith("DevTools listening on "))
            address = said.removeprefix("DevTools listening on ").strip()
            with connect(address, max_size=MEGABYTES_64, open_timeout=START_SECONDS) as connection:
                yield Tab(connection)
        finally:
            process.terminate()
            process.wait(START_SECONDS)
            process.stderr.close()
