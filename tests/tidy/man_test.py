#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""man_test.py  man.py finds a key too few and one too many, on either side, another default, and what mandoc complains of."""
import os
import shutil
import subprocess
import sys
import tempfile

CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "man.py")

FILE = """# workers = 0;
log = {
    # level = "info";
};
servers = (
    {
        name = "echo";
        # limit = "64k";
        options = {
            mode = "lines";
        };
    },
    {
        name = "http";
        # backlog = 10;
        options = {
            # page_type = "text/plain; charset=utf-8";
            root = "www";
        };
    }
);
# pin = true;
"""

MANUAL = r""".Dd November 26, 2026
.Dt WEIR.CONF 5
.Os
.Sh NAME
.Nm weir.conf
.Nd keys
.Sh DESCRIPTION
.Ss Keys of the file
.Bl -tag -width Ds
.It Ic workers No = 0 ;
Threads.
.It Ic pin No = true ;
Pinned.
.It Ic log
Below.
.It Ic servers
Below.
.El
.Ss Keys of log
.Bl -tag -width Ds
.It Ic level No = \(dqinfo\(dq ;
Level.
.El
.Ss Keys of a server
.Bl -tag -width Ds
.It Ic name
Name.
.It Ic limit No = \(dq64k\(dq ;
Limit.
.It Ic backlog No = 10 ;
Backlog.
.It Ic options
Options.
.El
.Ss Options of echo
.Bl -tag -width Ds
.It Ic mode No = \(dqlines\(dq ;
Mode.
.El
.Ss Options of http
.Bl -tag -width Ds
.It Ic page_type No = \(dqtext/plain; charset=utf\-8\(dq ;
Type.
.It Ic root
Folder.
.El
"""


def change(where, old, new):
    def changed(texts):
        assert old in texts[where], old
        texts[where] = texts[where].replace(old, new)
    return changed


CASES = [                                           # name, what is changed, status, words
    ("all is well", lambda texts: None, 0, "12 keys, 0 findings"),
    ("a key less in the manual", change("manual", ".It Ic limit No = \\(dq64k\\(dq ;\nLimit.\n", ""), 1,
     "conf/weir.conf:8: servers.limit is not in docs/man/weir.conf.5"),
    ("a key less in the file", change("file", "    # level = \"info\";\n", ""), 1,
     "weir.conf.5:21: log.level is not in conf/weir.conf"),
    ("an option less in the file", change("file", "            root = \"www\";\n", ""), 1, "http.root is not in conf/weir.conf"),
    ("another default", change("file", "# workers = 0;", "# workers = 1;"), 1,
     "weir.conf.5:10: workers has the default 0: conf/weir.conf:1 says 1"),
    ("no default", change("manual", ".It Ic backlog No = 10 ;", ".It Ic backlog"), 1, "servers.backlog has the default None"),
    ("a default too many", change("manual", ".It Ic root", ".It Ic root No = /srv ;"), 1, "http.root has the default /srv"),
    ("the value shown is the default", change("file", "mode = \"lines\"", "mode = \"raw\""), 1, "echo.mode has the default"),
    ("nothing", change("manual", "Keys of", "Words of"), 1, "findings"),
]
LINTED = ("what mandoc sees", change("manual", ".El\n.Ss Keys of log", ".Ss Keys of log"), 1, "mend it, as mandoc")


def main():
    failed = 0
    for name, changed, status, words in CASES + ([LINTED] if shutil.which("mandoc") else []):
        texts = {"file": FILE, "manual": MANUAL}
        changed(texts)
        with tempfile.TemporaryDirectory() as root:
            for path, text in (("conf/weir.conf", texts["file"]), ("docs/man/weir.conf.5", texts["manual"])):
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as out:
                    out.write(text)
            done = subprocess.run([sys.executable, CHECKER, root], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != status or words not in done.stdout:
            failed += 1
            print(f"{name}: status {done.returncode}, expected {status} and \"{words}\" in\n{done.stdout}")
    print(f"{failed} of {len(CASES)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
