"""A web hook that prints every alert it receives, to see what a channel is sent before a real one is set up.

    python examples/alert_receiver.py [--port PORT]

docs/operator.md uses it. It listens on loopback until Ctrl-C.
"""
# ruff: noqa: T201

import argparse
import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Receiver(BaseHTTPRequestHandler):
    """Takes a POST of one JSON document and answers 204."""

    def do_POST(self) -> None:
        """Print the sentence that chat services show."""
        alert = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(alert["text"], flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The alert itself is all there is to say."""


def main(port: int) -> None:
    """Receive until Ctrl-C."""
    with HTTPServer(("127.0.0.1", port), Receiver) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=8090, help="where to listen on loopback")
    main(parser.parse_args().port)
