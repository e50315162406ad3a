"""The documentation site: every public name is on it, it needs nobody else, and every link leads somewhere."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent
PUBLIC = ("gruvy", "gruvy.nn", "gruvy.data", "gruvy.training", "gruvy.lab")
ALSO = (
    "gruvy.inside.trace.Trace",
    "gruvy.inside.trace.trace",
    "gruvy.inside.gradients.gradient_norms",
    "gruvy.inside.contributions.contributions",
    "gruvy.inside.figures.gates",
    "gruvy.inside.explorer.explain",
    "gruvy.inside.explorer.playground",
    "gruvy.inside.explorer.opener",
    "gruvy.model.model.Model",
    "gruvy.model.stream.Stream",
    "gruvy.training.Settings",
)


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def build():
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    return script("build_site")


def public():
    """Every public class and function by its full name; modules have pages, tables of constants stand in the text."""
    for module in PUBLIC:
        loaded = importlib.import_module(module)
        for name in loaded.__all__:
            value = getattr(loaded, name)
            if inspect.isclass(value) or inspect.isroutine(value):
                yield f"{module}.{name}", value


def test_every_public_name_has_a_page(build):
    listed = {name for names in build.documented().values() for name in names}
    assert {name for name, _ in public()} | set(ALSO) <= listed


def test_every_public_name_says_what_it_is():
    silent = []
    for name, value in public():
        members = vars(value).items() if inspect.isclass(value) and value.__module__.startswith("gruvy") else ()
        fields = getattr(value, "__dataclass_fields__", {})  # they stand in the docstring of the class
        others = [(f"{name}.{k}", v) for k, v in members if not k.startswith("_") and k not in fields]
        methods = [(k, v) for k, v in others if inspect.isroutine(v) or isinstance(v, (property, classmethod))]
        silent += [k for k, v in [(name, value), *methods] if not (getattr(v, "__doc__", None) or "").strip()]
    assert [name for name in silent if not name.endswith(".extra_repr")] == []  # torch's own hook, documented there


class Page(HTMLParser):
    """What a page loads, where its links lead, and where links may lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "link" and given.get("rel") in ("canonical", "prev", "next", "license"):
            return
        self.loads += [given[key] for key in ("src", "srcset", "poster", "data") if given.get(key)]
        if given.get("href"):
            (self.links if tag == "a" else self.loads).append(given["href"])
        self.loads += re.findall(r"url\(([^)]+)\)", given.get("style") or "")


def external(address: str) -> bool:
    return bool(urlsplit(address).netloc)


def faults(pages: dict[str, Page], files: set[str]) -> list[str]:
    """What is wrong with the links of a site: pages by path, and the paths of all its files."""
    found = []
    for path, page in pages.items():
        found += [f"{path} loads {address}" for address in page.loads if external(address)]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme and parts.scheme not in ("https", "mailto"):
                found.append(f"{path}: {link} is not https")
            elif external(link):
                if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc):
                    found.append(f"{path}: {link} is not well formed")
            elif not parts.scheme:
                target = os.path.normpath(Path(path).parent / unquote(parts.path)) if parts.path else path
                if target not in files and target != ".":
                    found.append(f"{path}: {link} leads nowhere")
                elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                    found.append(f"{path}: {link} has no such place")
    return found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<script src="https://cdn.example.org/x.js"></script>', "a.html loads https://cdn.example.org/x.js"),
        ('<link rel="stylesheet" href="//fonts.example.org/f">', "a.html loads //fonts.example.org/f"),
        ('<img src="http://example.org/x.png">', "a.html loads http://example.org/x.png"),
        ('<a href="b.html">', "a.html: b.html leads nowhere"),
        ('<a href="#there">', "a.html: #there has no such place"),
        ('<a href="http://example.org">', "a.html: http://example.org is not https"),
        ('<a href="https://example">', "a.html: https://example is not well formed"),
        ('<p id="here"><a href="#here"><a href="a.html#here"><a href="https://example.org/x">', None),
    ],
)
def test_a_bad_link_is_caught(text, fault):
    assert faults({"a.html": Page(text)}, {"a.html"}) == ([] if fault is None else [fault])


def test_which_links_are_followed_and_what_a_dead_one_says(tmp_path):
    follow = script("follow_links")
    (tmp_path / "a.html").write_text('<a class="x" href="https://example.org/?a=1&amp;b=2#c"><a href="b.html">')
    assert follow.links(tmp_path) == {"https://example.org/?a=1&b=2": "a.html"}
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:  # it answers every request with 501
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert follow.trouble(address, attempts=1) == "answers 501"
        server.shutdown()
    assert "refused" in follow.trouble(address, attempts=1)


@pytest.fixture(scope="module")
def site(build, tmp_path_factory):
    """The folder of the site, built without a warning."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1"}, capture_output=True,
        encoding="utf-8", timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.mark.slow
def test_the_site(build, site):
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    pages = {path: Page((site / path).read_text(encoding="utf-8")) for path in files if path.endswith(".html")}
    assert len(pages) > 25
    assert faults({path: page for path, page in pages.items() if path != "404.html"}, files) == []
    for path in files:
        if path.endswith(".css"):
            text = (site / path).read_text(encoding="utf-8")
            assert not re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", text), path

    # Every name that is meant to be on the site is there, with its docstring beside it.
    anchors = set().union(*(page.anchors for page in pages.values()))
    wanted = {name for names in build.documented().values() for name in names}
    assert wanted - anchors == set()
    assert {name for name, _ in public()} <= anchors
    drawn = re.findall(r"<math.*?</math>", (site / "conventions.html").read_text(encoding="utf-8"))
    assert drawn
    assert all("<mtr>" in found and "<mi>&" not in found.replace("<mi>&#", "") for found in drawn)  # rows, no bare "&"
    inside = (site / "api" / "inside.html").read_text(encoding="utf-8")
    assert "Fields, in this order: <code>update</code>, <code>reset</code>" in inside
    for app in ("play.html", "open.html"):
        assert "default-src 'none'" in (site / app).read_text(encoding="utf-8")
    assert "gruvy train" in (site / "cli.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_reader_asks_nobody_else(site, browser):
    """Whatever the scripts of a page do, nothing is fetched from elsewhere; and the search finds a name."""
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        asked, errors, tab = set(), [], browser.new_page()
        tab.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
        tab.on("pageerror", lambda error: errors.append(str(error)))
        for page in ("index.html", "conventions.html", "api/gruvy.html"):
            tab.goto(f"http://127.0.0.1:{server.server_port}/{page}", wait_until="networkidle")
        tab.keyboard.press("/")
        tab.keyboard.type("convert_gru")
        tab.wait_for_selector(".md-search-result__item")
        tab.close()
        server.shutdown()
        assert asked == {f"127.0.0.1:{server.server_port}"}
        assert errors == []
