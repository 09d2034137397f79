"""How an open dashboard keeps itself up to date.

Belongs here: the one script of the page, and the policy that allows it and no other. A reload by `<meta refresh>` takes
the focus away from whoever reads with a keyboard and closes what was opened; this replaces what changed, leaves alone a
part that has the focus or a selection, and rests while nobody looks. Without scripts the page stands still.
"""

import base64
import hashlib

SCRIPT = """
const every = Number(document.body.dataset.renewSeconds) * 1000;
const inUse = () => {
  const selection = document.getSelection();
  const main = document.querySelector('main');
  return document.hidden || (selection && !selection.isCollapsed)
    || (document.activeElement !== main && main.contains(document.activeElement));
};
const renew = async () => {
  if (inUse()) return;
  const answer = await fetch(location.href, {headers: {accept: 'text/html'}}).catch(() => null);
  if (!answer || !answer.ok || inUse()) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const open = [...document.querySelectorAll('details')].map((one) => one.open);
  document.title = fresh.title;
  for (const name of ['header', 'main'])
    document.querySelector(name).replaceChildren(...fresh.querySelector(name).childNodes);
  document.querySelectorAll('details').forEach((one, at) => { one.open = open[at] || one.open; });
};
setInterval(renew, every);
"""

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; form-action 'none'; "
    f"base-uri 'none'; script-src 'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
)
"""What a browser may load for the dashboard: its style, its one script, and the page itself again."""
