"""A mail server on loopback that speaks TLS and asks for a password, and keeps what it takes."""

import contextlib
import ssl
import subprocess
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from amc_learning_tests.ports import free_port

USER, PASSWORD = b"amc", b"hidden-from-logs"


class Taken:
    """Handler: keeps messages, refuses receivers of one domain."""

    def __init__(self):
        self.messages = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if address.endswith("@refused.example"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.messages.append(envelope.content.decode())
        return "250 taken"


def certificate(folder: Path) -> Path:
    """A certificate of localhost and its key in one file, signed by itself."""
    key, signed = folder / "key.pem", folder / "signed.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", key, "-out", signed, "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text(key.read_text() + signed.read_text())
    return both


@contextlib.contextmanager
def mail_server(folder: Path, *, is_tls_first: bool = False):
    """The server: its handler, its port, the certificate to trust."""
    pem, handler = certificate(folder), Taken()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def known(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (USER, PASSWORD), handled=False)

    controller = Controller(
        handler,
        hostname="localhost",
        port=free_port(),
        authenticator=known,
        auth_required=not is_tls_first,  # which does not know that the connection is encrypted already
        auth_require_tls=not is_tls_first,
        **({"ssl_context": context} if is_tls_first else {"tls_context": context, "require_starttls": True}),
    )
    controller.start()
    try:
        yield handler, controller.port, folder / "signed.pem"
    finally:
        controller.stop()
