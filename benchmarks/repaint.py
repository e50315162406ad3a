"""From an edit to the repaint of the explorer's page: milliseconds of the page's thread, and on the clock.

    PYTHONPATH=tests python benchmarks/repaint.py

64 units, 100 steps, one move of a slider that sets a unit's state: script, layout and paint, 41 moves, in Chromium.
Medians. The clock's time has the wait for the next frame in it; keep the machine idle.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from explained import Shown
from gruvy.inside.explorer import explain
from small_nets import CONVENTIONS, random_weights, small_model

MOVE = """async (value) => {
  const slider = document.getElementById("w-slider"), begin = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input", {bubbles: true}));
  await new Promise((done) => requestAnimationFrame(() => {
    const after = new MessageChannel();
    after.port1.onmessage = done;
    after.port2.postMessage(0);
  }));
  return performance.now() - begin;
}"""


def main() -> None:
    """Measure and print."""
    rng = np.random.default_rng(0)
    w = random_weights(rng, CONVENTIONS[0], H=64, dtype=np.float32, size=0.2)
    V, b_y = rng.normal(size=(5, 64)).astype(np.float32), rng.normal(size=5).astype(np.float32)
    model = small_model(w, V, b_y, "last", "classify", classes=tuple("abcde"))
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        explain(model, [rng.normal(size=(100, 3)).astype(np.float32) for _ in range(3)], path, list("abc"))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        shown = Shown(browser, path)
        shown.page.select_option("#w-target", "state")
        shown.page.fill("#w-units", "3")
        shown.page.click("#w-add")
        shown.page.select_option("#w-action", "set")
        shown.page.wait_for_timeout(500)
        session = shown.context.new_cdp_session(shown.page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def worked() -> float:
            found = session.send("Performance.getMetrics")["metrics"]
            return 1000 * next(m["value"] for m in found if m["name"] == "TaskDuration")

        spent, waited = [], []
        for i in range(41):
            before = worked()
            waited.append(shown.page.evaluate(MOVE, -1 + i / 20))
            spent.append(worked() - before)
        print(f"median {np.median(spent):.1f} ms of the page's thread, {np.median(waited):.1f} ms on the clock")
        browser.close()


if __name__ == "__main__":
    main()
