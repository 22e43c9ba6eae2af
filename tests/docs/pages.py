"""What the command writes about itself, as the programs see it that are to read it: troff, bash, zsh, fish and systemd.

    pages.py NIPOPS SERVICE TIMER
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

NIPOPS = os.path.abspath(sys.argv[1])
ENVIRONMENT = {**os.environ, "PATH": os.path.dirname(NIPOPS) + ":" + os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def run(*arguments, text=None):
    done = subprocess.run(arguments, capture_output=True, text=True, input=text, env=ENVIRONMENT, timeout=60)
    if done.returncode != 0:
        raise AssertionError("%s ended with %d: %s" % (arguments, done.returncode, done.stderr))
    return done


def page(*arguments):
    """A manual page as a reader sees it; what troff complains of fails the test."""
    source = run(NIPOPS, *arguments).stdout
    shown = run("groff", "-man", "-Tutf8", "-ww", "-P-cbou", text=source)
    if shown.stderr:
        raise AssertionError(shown.stderr)
    return shown.stdout


class ManualPages(unittest.TestCase):
    def test_the_command(self):
        shown = page("help", "--format", "man")
        for line in run(NIPOPS, "help").stdout.splitlines():
            if line.startswith("  ") and line[2].isalpha():
                self.assertIn("nipops " + line.split()[0], shown)
        self.assertIn("--canary-percentage N", shown)
        self.assertIn("130", shown)

    def test_the_documents(self):
        shown = page("schema", "--format", "man")
        for key in ("rollout.canary.stages[].share", "rollout.preflight.env", "health.targets[].url", "socket"):
            self.assertIn(key, shown)


class Units(unittest.TestCase):
    def test_systemd_takes_them(self):
        with tempfile.TemporaryDirectory() as folder:
            for source in sys.argv[2:4]:
                with open(source, encoding="utf-8") as file:
                    text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=" + NIPOPS, file.read())
                with open(os.path.join(folder, os.path.basename(source)), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", *(os.path.join(folder, name) for name in os.listdir(folder))],
                                  capture_output=True, text=True, env={**ENVIRONMENT, "SYSTEMD_UNIT_PATH": folder + ":"}, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_its_command_says_nothing_when_there_is_nothing(self):
        with open(sys.argv[2], encoding="utf-8") as file:
            command = re.search(r"(?m)^ExecStart=(.*)$", file.read()).group(1).split()
        with tempfile.TemporaryDirectory() as folder:
            done = run(NIPOPS, *command[1:-1], folder + "/nipops.db")
            self.assertEqual((done.stdout, done.stderr), ("", ""))


class Completions(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def script(self, shell):
        path = os.path.join(self.folder, shell)
        with open(path, "w", encoding="utf-8") as file:
            file.write(run(NIPOPS, "completion", shell).stdout)
        return path

    def fish(self, line):
        out = run("fish", "--no-config", "-c", "source %s; complete -C '%s'" % (self.script("fish"), line)).stdout
        return [row.split("\t")[0] for row in out.splitlines()]

    def bash(self, *words):
        code = "source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _nipops; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (
            self.script("bash"), " ".join("'%s'" % word for word in words), len(words) - 1)
        return run("bash", "--norc", "-c", code).stdout.split()

    def test_fish(self):
        self.assertEqual(sorted(self.fish("nipops ro")), ["rollback", "rollout"])
        self.assertIn("--strategy", self.fish("nipops rollout --st"))
        self.assertNotIn("--strategy", self.fish("nipops list --st"))
        self.assertIn("exclude", self.fish("nipops sla "))
        self.assertIn("--revokes", self.fish("nipops sla exclude --re"))
        self.assertNotIn("--strategy", self.fish("nipops sla check --st"))

    def test_bash(self):
        self.assertEqual(self.bash("nipops", "ro"), ["rollout", "rollback"])
        self.assertIn("canary", self.bash("nipops", "rollout", "--strategy", ""))
        self.assertIn("haproxy", self.bash("nipops", "schema", "ha"))
        self.assertIn("fish", self.bash("nipops", "completion", ""))

    def test_zsh(self):
        path = self.script("zsh")
        run("zsh", "-n", path)
        # As from a folder of functions: the first call defines and completes.
        os.rename(path, os.path.join(self.folder, "_nipops"))
        loaded = run("zsh", "-f", "-c", "fpath=(%s $fpath); autoload -Uz compinit; compinit -u -D; print -r -- $_comps[nipops]" % self.folder)
        self.assertEqual(loaded.stdout.strip(), "_nipops")
        completed = run("zsh", "-f", "-c", ZSH_DRIVER % (self.folder, "nipops rollb")).stdout
        self.assertIn("nipops rollback", completed)
        completed = run("zsh", "-f", "-c", ZSH_DRIVER.replace("*rollback*", "*exclude*") % (self.folder, "nipops sla exc")).stdout
        self.assertIn("nipops sla exclude", completed)


# A terminal of zsh's own in which a line is typed and completed.
ZSH_DRIVER = r"""
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "PS1= ; fpath=(%s \$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word; print READY=1"
while zpty -r shell line; do [[ $line == *READY=1* && $line != *print* ]] && break; done
zpty -w -n shell "%s"$'\t'
repeat 200 { zpty -r -t shell part && all+=$part; [[ $all == *rollback* ]] && break; sleep 0.05 }
print -r -- $all
zpty -d shell
"""


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=1)
