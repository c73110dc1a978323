"""A headless browser for tests: what it draws, what it makes of a page, what it asks for."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np
import PIL.Image

# The browser's own calls home are kept from leaving the machine.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--force-device-scale-factor=1",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def find() -> str | None:
    """Path of a browser that starts, or None."""
    names = (
        os.environ.get("GREENPRINT_BROWSER"),
        "chromium",
        "chromium-browser",
        "google-chrome",
    )
    for name in names:
        path = shutil.which(name) if name else None
        if path:
            asked = subprocess.run([path, "--version"], capture_output=True)
            if asked.returncode == 0 and b"Chrom" in asked.stdout:
                return path
    return None


@dataclasses.dataclass
class Browser:
    path: str

    def run(self, page: pathlib.Path, *flags: str) -> str:
        """Open a page and return what the browser wrote on standard output."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            done = subprocess.run(
                [self.path, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=300,
                env={**os.environ, "HOME": profile},
            )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode()

    def dom(self, page: pathlib.Path) -> str:
        """The page as HTML after its scripts have run."""
        return self.run(page, "--dump-dom")

    def screenshot(self, page: pathlib.Path, width: int, height: int, *flags: str) -> np.ndarray:
        """The page as an array of shape (height, width, 3)."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "page.png")
            self.run(page, f"--window-size={width},{height}", f"--screenshot={path}", *flags)
            with PIL.Image.open(path) as image:
                return np.asarray(image.convert("RGB"))

    def requests(self, page: pathlib.Path) -> list[tuple[str, str]]:
        """(initiator, URL) of every request that the page, not the browser, has made."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "net.json")
            self.run(page, f"--log-net-log={path}", "--dump-dom")
            log = json.loads(path.read_text())
        started = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
        asked = [e["params"] for e in log["events"] if e["type"] == started and "params" in e]
        found = [(p.get("initiator", ""), p["url"]) for p in asked if "url" in p]
        return [each for each in found if each[0] != "not an origin"]
