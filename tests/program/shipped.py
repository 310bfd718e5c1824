# SPDX-License-Identifier: BSD-2-Clause
"""shipped.py  conf/ as it is shipped: it starts and serves, and every key and option that is commented out is one there is."""
import os
import re
import shutil
import urllib.request

import _weir

CONF = os.path.join(_weir.SOURCE, "conf")
HAS_HTTP = os.path.exists(os.path.join(_weir.BUILD, "plugins", "http.so"))
ANYWHERE = ["-o", "servers.echo.listen=127.0.0.1:0", "-o", "servers.http.listen=127.0.0.1:0"]


class Shipped(_weir.Case):
    def setUp(self):
        super().setUp()
        if not HAS_HTTP:
            self.skipTest("the http plugin is not built here")
        shutil.copytree(CONF, self.path("conf"))

    def run_conf(self, *arguments):
        weir = _weir.Weir(["run", *arguments], self.folder)
        self.started.append(weir)
        return weir

    def test_what_dev_run_starts_serves_lines_pages_and_files(self):
        weir = self.run_conf("-c", "conf/weir.conf", *ANYWHERE)
        self.assertEqual(weir.ask("echo", b"hi\n"), b"hi\n")
        pages = {"/": b"Hello from weir\n", "/healthz": b"ok\n"}
        for name in os.listdir(os.path.join(CONF, "www")):
            with open(os.path.join(CONF, "www", name), "rb") as file:
                pages[f"/{name}"] = file.read()
        for path, expected in pages.items():
            with urllib.request.urlopen(f"http://{weir.addresses['http'][0]}{path}", timeout=_weir.PATIENCE) as answer:
                self.assertEqual((answer.status, answer.read()), (200, expected), path)
        self.assertEqual(weir.stop(), 0, weir.output)

    def test_every_file_is_fine(self):
        for name in sorted(os.listdir(CONF)):
            if name.endswith(".conf"):
                done = self.run_weir("check", "-c", os.path.join("conf", name))
                self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}")

    def test_every_commented_key_and_option_is_one_there_is(self):
        text = self.read("conf/weir.conf")
        opened, count = re.subn(r"^( *)# (\w+ = .*;)$", r"\1\2", text, flags=re.MULTILINE)
        self.assertGreater(count, 20)
        self.write("conf/weir.conf", opened)
        done = self.run_weir("check", "-c", "conf/weir.conf")
        self.assertEqual(done.returncode, 0, done.stderr)
        plain, effective = self.printed("conf/weir.conf"), None
        self.write("conf/weir.conf", text)
        effective = self.printed("conf/weir.conf")
        servers = effective.index("servers = (")            # above it no plugin's options: the values are the defaults
        self.assertEqual(plain[:servers], effective[:servers])

    def printed(self, name):
        done = self.run_weir("print", "-c", name)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_misspelt_option_is_found(self):
        self.write("conf/weir.conf", self.read("conf/weir.conf").replace("# max_header =", "max_haeder ="))
        done = self.run_weir("check", "-c", "conf/weir.conf")
        self.assertEqual(done.returncode, 1)
        self.assertIn('option "max_haeder" of server "http" is not known to the plugin "http"', done.stderr)


if __name__ == "__main__":
    _weir.main()
