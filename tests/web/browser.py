"""A real browser: Chromium, driven by browser.mjs.

    with Browser(url, dark=False, width=1280) as page:
        page.fill("input[name=token]", "…"); page.click("text=Log in"); page.wait("tr.talks"); page.text("h1")
        page.eval("document.title"); page.screenshot("name")          into the build's tests/web/shots/name.png
"""
import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path.cwd()


def modules():
    """The folder with playwright-core, fetched once for each build folder."""
    folder = BUILD / "tests" / "web"
    if not (folder / "node_modules" / "playwright-core").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text((HERE / "package.json").read_text())
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"], cwd=folder, check=True,
                       stdin=subprocess.DEVNULL)
    return folder


class Browser:
    def __init__(self, url, dark=False, width=1280, height=900):
        self.process = subprocess.Popen(
            ["node", str(HERE / "browser.mjs"), str(modules()), "/usr/bin/chromium", "dark" if dark else "light", str(width), str(height)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "LANG": "C.UTF-8"})
        self.goto(url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def _call(self, call, **more):
        self.process.stdin.write(json.dumps({"call": call, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the browser has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError("%s %s: %s" % (call, more, answer["error"]))
        return answer["value"]

    def goto(self, url):
        self._call("goto", url=url)

    def fill(self, at, text):
        self._call("fill", at=at, text=text)

    def click(self, at):
        self._call("click", at=at)

    def press(self, at, key):
        self._call("press", at=at, key=key)

    def wait(self, at, seconds=15):
        self._call("wait", at=at, ms=seconds * 1000)

    def gone(self, at, seconds=15):
        self._call("gone", at=at, ms=seconds * 1000)

    def text(self, at):
        return self._call("text", at=at)

    def eval(self, code):
        return self._call("eval", code=code)

    def faults(self):
        """What the page complained of since last asked."""
        return self._call("faults")

    def screenshot(self, name):
        folder = BUILD / "tests" / "web" / "shots"
        folder.mkdir(parents=True, exist_ok=True)
        self._call("screenshot", path=str(folder / (name + ".png")))
