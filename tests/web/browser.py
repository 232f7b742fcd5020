"""A real browser: Chromium, driven by browser.mjs.

    with Browser() as page:
        page.goto(url); page.fill("input[name=token]", "…"); page.click("text=Log in"); page.wait("tr.talks"); page.text("h1")
        page.eval("document.title"); page.look(dark=True, width=390)
        page.screenshot("name")          into the build's tests/web/shots/name.png
"""
import json
import os
import pathlib
import subprocess

from harness import CONFABD, SLOW, until

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = CONFABD.parent / "tests" / "web"


def fetch_modules():
    """playwright-core, once for each build folder."""
    if not (FOLDER / "node_modules" / "playwright-core").exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "package.json").write_text((HERE / "package.json").read_text())
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"], cwd=FOLDER, check=True,
                       stdin=subprocess.DEVNULL)


class Browser:
    def __init__(self):
        fetch_modules()
        self.process = subprocess.Popen(["node", str(HERE / "browser.mjs"), str(FOLDER), "/usr/bin/chromium"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "LANG": "C.UTF-8"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def _call(self, call, **more):
        self.process.stdin.write(json.dumps({"call": call, "ms": 15000 * SLOW, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the browser has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError("%s %s: %s" % (call, more, answer["error"]))
        return answer.get("value")  # there is none where JavaScript has undefined

    def goto(self, url):
        self._call("goto", url=url)

    def forget(self):
        """Whoever was logged in is so no more."""
        self._call("forget")

    def look(self, dark=False, width=1280):
        self._call("look", scheme="dark" if dark else "light", width=width)

    def fill(self, at, text):
        self._call("fill", at=at, text=text)

    def click(self, at):
        self._call("click", at=at)

    def click_part(self, at, part):
        """So far from its left to its right: 0 to 1."""
        self._call("click_part", at=at, part=part)

    def press(self, at, key):
        self._call("press", at=at, key=key)

    def upload(self, at, path):
        self._call("upload", at=at, path=str(path))

    def wait(self, at):
        self._call("wait", at=at)

    def wait_true(self, code):
        return until(lambda: self.eval(code), what=code)

    def gone(self, at):
        self._call("gone", at=at)

    def text(self, at):
        return self._call("text", at=at)

    def eval(self, code):
        return self._call("eval", code=code)

    def faults(self):
        """What the page complained of since last asked."""
        return self._call("faults")

    def screenshot(self, name):
        (FOLDER / "shots").mkdir(parents=True, exist_ok=True)
        self._call("screenshot", path=str(FOLDER / "shots" / (name + ".png")))
