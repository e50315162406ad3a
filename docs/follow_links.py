"""Follow every external link of the site that was built, and say which are dead.

    python docs/follow_links.py build/site

Exit code 1 if any is. It needs the network, so it is no test; a workflow runs it once a week.
"""

from __future__ import annotations

import re
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

AGENT = {"User-Agent": "Mozilla/5.0 (links of gruvy's documentation)"}
ALIVE = (401, 403, 405, 429)  # there, but not for a program


def links(site: Path) -> dict[str, str]:
    """Every address outside, and a page that leads to it."""
    found: dict[str, str] = {}
    for page in sorted(site.rglob("*.html")):
        for address in re.findall(r'<a [^>]*?href="(https?://[^"#]+)', page.read_text(encoding="utf-8")):
            found.setdefault(address.replace("&amp;", "&"), page.relative_to(site).as_posix())
    return found


def trouble(address: str, attempts: int = 3) -> str | None:
    """Why an address does not answer, or None."""
    why = None
    for attempt in range(attempts):
        time.sleep(5 * attempt)
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=AGENT), timeout=30):
                return None
        except urllib.error.HTTPError as error:
            why = None if error.code in ALIVE else f"answers {error.code}"
            if error.code < 500:
                return why
        except (OSError, ValueError) as error:
            why = str(error)
    return why


if __name__ == "__main__":
    every = links(Path(sys.argv[1]))
    dead = {address: why for address in every if (why := trouble(address)) is not None}
    for address, why in dead.items():
        print(f"{every[address]}: {address}: {why}")
    print(f"{len(every)} links, {len(dead)} dead")
    sys.exit(bool(dead) or not every)
