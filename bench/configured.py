# SPDX-License-Identifier: BSD-2-Clause
"""Servers that are told their page by a file: the weir program, and the peers that stand beside it.

The files in peers/ are templates: @PORT@, @PAGE@ and @FOLDER@, and what a row
has besides, are put in when a server starts, in a folder of its own that goes with it. A peer is run where it
is installed, and is never needed.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from children import Server, Void

PAGE = "Hello, World!"      # client.c expects it
TEMPLATES = pathlib.Path(__file__).resolve().parent / "peers"
WHERE = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])

# Its template, its command line after the program, and how it says its version.
PEERS = {
    "nginx": ("nginx.conf", ["-e", "stderr", "-p", "FOLDER", "-c", "FILE"], "-v"),
    "haproxy": ("haproxy.cfg", ["-db", "-f", "FILE"], "-v"),
    "h2o": ("h2o.conf", ["-c", "FILE"], "-v"),
}


class Configured(Server):
    """A Server whose command line names the FILE it is configured by, or the FOLDER around it."""

    def __init__(self, template, argv, cpu, timeout=10.0, values=()):
        self.template, self.values = TEMPLATES / template, dict(values)
        super().__init__(argv, cpu, timeout)

    def command(self, argv):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-bench-")     # one for each attempt; end() removes it
        os.chmod(self.folder.name, 0o755)       # h2o, started by root, becomes somebody else
        folder = pathlib.Path(self.folder.name)
        text = self.template.read_text().replace("127.0.0.1", self.host)
        values = {"PORT": self.port, "PAGE": PAGE, "FOLDER": folder, **self.values}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        file = folder / self.template.name
        file.write_text(text)
        (folder / "index.txt").write_text(PAGE)
        return [{"FILE": file, "FOLDER": folder}.get(word, word) for word in argv]

    def end(self, *args, **options):
        try:
            return super().end(*args, **options)
        finally:
            self.folder.cleanup()


class Weir(Configured):
    """The program, at a port that the kernel chose and the log told; with the http plugin unless a template says otherwise."""

    def __init__(self, program, cpu, template="weir.conf", values=(), under=(), timeout=10.0):
        super().__init__(template, [*under, program, "run", "-c", "FILE"], cpu, timeout, values)

    def wait_listening(self, timeout):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            log = self.log()
            found = re.search(rf"\blistening\b.* address={re.escape(self.host)}:(\d+)", log)
            if found and re.search(r"\bready workers=1\b", log):
                self.port = int(found[1])
                return self.listens()
            time.sleep(0.01)
        return False


class Peer:
    """Another server in a row, and what was measured of it. It may fail without harm to the row."""

    def __init__(self, name, cpu):
        self.name, self.turns, self.ratios, self.trouble, self.server = name, [], [], None, None
        template, argv, version = PEERS[name]
        program = shutil.which(name, path=WHERE)
        if program is None:
            self.trouble = "not installed"
            return
        self.name = f"{name} {version_of([program, version])}"
        try:
            self.server = Configured(template, [program, *argv], cpu)
        except (Void, OSError) as trouble:
            self.give_up(trouble)

    def give_up(self, trouble):
        self.trouble = str(trouble)
        self.end()

    def end(self):
        if self.server is not None:
            self.server.end()
        self.server = None


def version_of(argv):
    """The first number with a dot in what a program says of itself."""
    try:
        said = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "of an unknown version"
    found = re.search(r"\d+\.\d[\w.]*", said.stdout + said.stderr)
    return found[0] if found else "of an unknown version"
