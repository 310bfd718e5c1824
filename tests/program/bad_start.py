# SPDX-License-Identifier: BSD-2-Clause
"""bad_start.py  What keeps the program from starting: said with file and line, before anything listens."""
import os
import socket
import unittest

import _weir

ONE = 'servers = ( { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stages.so"; } );\n'
EXIT_TROUBLE, EXIT_USAGE = 1, 2


class BadStart(_weir.Case):
    def refused(self, text, *expected, arguments=(), check=True, **options):
        """weir run ends with status 1, says all of @expected and never listens; weir check says the same."""
        for command in ["run", "check"] if check else ["run"]:
            with self.subTest(command=command):
                done = self.run_weir(command, "-c", self.config(text), *arguments, **options)
                self.assertEqual(done.returncode, EXIT_TROUBLE, done.stderr)
                for part in expected:
                    self.assertIn(part % {"folder": self.folder}, done.stderr)
                self.assertNotIn("listening server=", done.stderr)
                self.assertRegex(done.stderr, r"weir: [1-9][0-9]* errors?|weir: ")

    def test_a_port_in_use_is_named_with_its_line(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            self.refused(f"""
                servers = (
                    {{ name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stages.so"; }},
                    {{ name = "b"; handler = "%(fixtures)s/stages.so";
                      listen = [ "127.0.0.1:{port}" ]; }} );""",
                         "weir.conf:5: ", f"127.0.0.1:{port}", "in use", check=False)     # a check is for beside a running one

    def test_a_second_instance_is_refused(self):
        first = self.start(ONE)
        first.wait_line("ready ")
        port = first.addresses["a"][0].rsplit(":", 1)[1]
        self.refused(ONE.replace(":0", f":{port}"), "weir.conf:1: ", "in use", check=False)
        self.assertEqual(first.ask("a", b"still\n")[-6:], b"still\n")

    def test_a_live_unix_socket_is_not_taken_away(self):
        text = ONE.replace("127.0.0.1:0", "unix:a.sock")
        first = self.start(text)
        first.wait_line("ready ")
        self.refused(text, "weir.conf:1: ", "a.sock", "somebody is listening on it", check=False)
        self.assertEqual(first.ask("a", b"still\n")[-6:], b"still\n")
        first.process.kill()                                    # leaves the file behind, which the next one replaces
        first.wait()
        self.assertTrue(os.path.exists(self.path("a.sock")))
        second = self.start(text)
        self.assertEqual(second.ask("a", b"x\n")[-2:], b"x\n")
        self.assertEqual(second.stop(), 0)

    def test_a_file_in_the_place_of_a_unix_socket_stays(self):
        self.write("a.sock", "precious")
        self.refused(ONE.replace("127.0.0.1:0", "unix:a.sock"), "weir.conf:1: ", "a.sock")
        self.assertEqual(self.read("a.sock"), "precious")

    def test_a_folder_that_is_not_there_for_a_unix_socket(self):
        self.refused(ONE.replace("127.0.0.1:0", "unix:none/a.sock"), "weir.conf:1: ", "%(folder)s/none")

    def test_an_address_of_another_machine(self):
        self.refused(ONE.replace("127.0.0.1:0", "192.0.2.1:7000"), "weir.conf:1: ", "192.0.2.1:7000", check=False)

    def test_a_host_that_does_not_resolve(self):
        self.refused(ONE.replace("127.0.0.1:0", "no-such-host.invalid:7000"), "weir.conf:1: ", "no-such-host.invalid",
                     "is not resolved")

    def test_a_user_and_a_group_that_do_not_exist(self):
        self.refused('user = "no-such-user";\n' + ONE, 'weir.conf:1: user: there is no user "no-such-user"')
        self.refused('\ngroup = "no-such-group";\n' + ONE, 'weir.conf:2: group: there is no group "no-such-group"')

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else first")
    def test_somebody_who_is_not_root_cannot_change_the_user(self):
        os.chmod(self.folder, 0o755)
        self.refused('user = "root";\n' + ONE, "weir.conf:1: user: only root can change to user", user=65534, group=65534)

    def test_plugins_that_are_none(self):
        self.write("text.so", "no object of any kind, but long enough to be looked at as one by the dynamic linker\n")
        for handler, expected in (("missing", 'there is no plugin "missing"'), ("./none.so", "none.so: No such file"),
                                  ("./text.so", "is no plugin that can be loaded"), (".", "is a folder"),
                                  ("%(fixtures)s/wrong_major.so", "ABI 2.3, this weir has 1.0"),
                                  ("%(fixtures)s/too_small.so", "expected sizeof(weir_plugin)"),
                                  ("%(fixtures)s/no_entry.so", "does not define weir_plugin_entry"),
                                  ("%(fixtures)s/no_handler.so", "no client_connected"),
                                  ("%(fixtures)s/undefined.so", "weir_there_is_no_such_function")):
            handler = handler if "/" in handler or handler == "missing" else f"./{handler}"
            self.refused(ONE.replace("%(fixtures)s/stages.so", handler), "weir.conf:1: handler: ", expected)

    def test_an_option_that_no_plugin_knows(self):
        self.refused(ONE.replace("; } );", ";\n options = { trase = \"x\"; }; } );"),
                     'weir.conf:2: option "trase" of server "a" is not known to the plugin "stages"')

    def test_a_log_that_cannot_be_written(self):
        self.refused('log = {\n destination = "none/weir.log"; };\n' + ONE, "weir.conf:2: log.destination: ", "none")
        self.refused(ONE.replace("; } );", ";\n access_log = \"none/access.log\"; } );"), "weir.conf:2: access_log: ", "none")
        self.refused('pid_file = "none/weir.pid";\n' + ONE, "weir.conf:1: pid_file: ", "none")

    def test_files_that_are_none(self):
        for command in ("run", "check", "print"):
            done = self.run_weir(command, "-c", "missing.conf")
            self.assertEqual(done.returncode, EXIT_TROUBLE)
            self.assertIn("missing.conf: ", done.stderr)
            self.assertIn("No such file", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_a_config_that_includes_itself(self):
        self.refused('workers = 1;\n@include "weir.conf"\n' + ONE, "weir.conf:2: ", "include")

    def test_all_that_is_wrong_is_said_at_once(self):
        self.refused("""workers = -1;
            user = "no-such-user"; nonsense = 1;
            log = { level = "loud"; };
            servers = ( { name = "a"; listen = [ "127.0.0.1:99999" ];
                          handler = "missing"; limit = "64 furlongs"; } );""",
                     "weir.conf:1: ", "weir.conf:2: ", "weir.conf:3: ", "weir.conf:4: ", "weir.conf:5: ", "nonsense", "99999",
                     "furlongs")
        self.refused("""user = "no-such-user";
            servers = ( { name = "a"; listen = [ "no-such-host.invalid:1" ]; handler = "%(fixtures)s/stages.so"; },
                        { name = "b"; listen = [ "127.0.0.1:0" ]; access_log = "none/x"; handler = "%(fixtures)s/stages.so"; } );
            """, "weir.conf:1: ", "weir.conf:2: ", "weir.conf:3: ", "3 errors")

    def test_command_lines_that_mean_nothing(self):
        for arguments in ([], ["fly"], ["run", "-x"], ["run", "-c"], ["run", "check"], ["run", "-o", "x"]):
            done = self.run_weir(*arguments)
            self.assertEqual((done.returncode, done.stdout), (EXIT_USAGE, ""))
            self.assertIn("weir help", done.stderr)

    def test_a_closed_standard_error_does_not_become_a_file_of_ours(self):
        for arguments in ("-o servers.a.listen=127.0.0.1:70000", "-o user=no-such-user"):
            config = self.config('log = { destination = "weir.log"; };\n' + ONE)
            command = f"exec '{_weir.PROGRAM}' run -c '{config}' {arguments} <&- >&- 2>&-"
            done = _weir.subprocess.run(command, shell=True, cwd=self.folder, timeout=_weir.PATIENCE, check=False)
            self.assertEqual(done.returncode, EXIT_TROUBLE)
        self.assertEqual(self.read("weir.log"), "")             # what is wrong went to standard error, which is nowhere

    def test_standard_output_that_is_full(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            for command in (["help"], ["version"], ["print", "-c", self.config(ONE)]):
                self.assertEqual(_weir.subprocess.run([_weir.PROGRAM, *command], stdout=full, stderr=_weir.subprocess.DEVNULL,
                                                      check=False).returncode, EXIT_TROUBLE)


if __name__ == "__main__":
    _weir.main()
