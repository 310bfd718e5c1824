# SPDX-License-Identifier: BSD-2-Clause
"""outside.py  A plugin that knows nothing of the source tree: compiled against the installed weir by both lines of its
README, named in its config file, checked, and served by the installed program."""
import os
import shutil
import subprocess
import sys

import _weir

CMAKE = os.environ["WEIR_CMAKE"]
CC = os.environ["WEIR_CC"]


class Outside(_weir.Case):
    def install(self):
        """An installed tree, moved after installing; and a copy of examples/plugin."""
        subprocess.run([CMAKE, "--install", _weir.BUILD, "--prefix", self.path("first")], check=True, stdout=subprocess.DEVNULL)
        os.rename(self.path("first"), self.path("prefix"))
        shutil.copytree(os.path.join(_weir.SOURCE, "examples", "plugin"), self.path("mine"))
        lib = next(folder for folder, _, files in os.walk(self.path("prefix")) if "libweir.so" in files)
        self.environment = {**os.environ, "PKG_CONFIG_PATH": os.path.join(lib, "pkgconfig")}
        self.weir = os.path.join(self.path("prefix"), "bin", "weir")

    def flags(self, *which):
        return subprocess.run(["pkg-config", *which, "weir"], check=True, capture_output=True, text=True,
                              env=self.environment).stdout.split()

    def compile(self, *which):
        subprocess.run([CC, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "greet.c", "-o", "greet.so", *self.flags(*which)],
                       check=True, cwd=self.path("mine"))

    def test_the_example_builds_both_ways_and_serves(self):
        self.install()
        for which in (["--cflags", "--libs"], ["--cflags"]):
            with self.subTest(flags=which):
                self.compile(*which)
                done = self.run_installed("check", "-c", "mine/greet.conf")
                self.assertEqual(done.returncode, 0, done.stderr)
                weir = self.start_installed("-c", "mine/greet.conf", "-o", "servers.greet.listen=127.0.0.1:0")
                self.assertEqual(weir.ask("greet", b"Ada\n"), b"Good morning, Ada!\n")
                self.assertEqual(weir.stop(), 0, weir.output)

    def test_a_wrong_option_is_told_with_its_line(self):
        self.install()
        self.compile("--cflags")
        with open(self.path("mine/greet.conf"), encoding="utf-8") as file:
            text = file.read()
        self.write("mine/greet.conf", text.replace("Good morning", "x" * 101))
        line = text[:text.index("Good morning")].count("\n") + 1
        done = self.run_installed("run", "-c", "mine/greet.conf")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f'mine/greet.conf:{line}: option "greeting" of server "greet": has 101 bytes, expected at most 100',
                      done.stderr)

    def test_the_installed_program_finds_its_plugins(self):
        self.install()
        self.write("echo.conf", 'servers = ( { name = "e"; listen = [ "127.0.0.1:0" ]; handler = "echo"; } );')
        weir = self.start_installed("-c", "echo.conf")
        self.assertEqual(weir.ask("e", b"hi\n"), b"hi\n")
        self.assertEqual(weir.stop(), 0, weir.output)

    def run_installed(self, *arguments):
        return subprocess.run([self.weir, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=_weir.PATIENCE,
                              check=False)

    def start_installed(self, *arguments):
        program, _weir.PROGRAM = _weir.PROGRAM, self.weir
        try:
            weir = _weir.Weir(["run", *arguments], self.folder)
        finally:
            _weir.PROGRAM = program
        self.started.append(weir)
        return weir


if shutil.which("pkg-config") is None:
    print("there is no pkg-config")
    sys.exit(77)
if __name__ == "__main__":
    _weir.main()
