"""The work is done whatever the streams take, and stopping it leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from model_files import write_models
from networks import images

from pdgrad_core.commands import streams
from pdgrad_core.images import save_image

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(streams.__file__).parents[2])}
"""In which other processes import what is tested here, wherever they run."""

PROGRAM = """
import sys
from pathlib import Path
from pdgrad_core import cli
from pdgrad_core.commands.streams import announce, say
from pdgrad_core.files import write_whole

class Act:
    @staticmethod
    def add_parser(subparsers):
        subparsers.add_parser("act").set_defaults(run=run)

def run(args):
    {body}
    return 0

cli.COMMANDS = (Act,)
sys.argv = ["pdgrad", "act"]
sys.exit(cli.main())
"""
WORK = """
    for name in ("first", "second"):
        say(f"{name}: \\u0444\\u043e\\u0442\\u043e.png \\udcff")
        announce("on the way")
        write_whole(Path(name), lambda path: path.write_text("done"))
"""


def command(body):
    return [sys.executable, "-c", PROGRAM.replace("{body}", body.strip())]


def through_shell(folder, body, redirection, **environment):
    """Run a program in a folder, its streams redirected as a shell does."""
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {redirection}', "bash", *command(body)],
        cwd=folder, env={**ENVIRONMENT, **environment}, capture_output=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    "redirection",
    ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-", "| true", "2>&1 | true", "> /dev/full"],
)
def test_closed_full_and_deserted_streams_stop_nothing(tmp_path, redirection):
    done = through_shell(tmp_path, WORK, redirection)
    assert done.returncode == 0
    # Not a word of what was said lies in the results: no file was given a stream's number.
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "first": "done",
        "second": "done",
    }
    assert b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_code_page_without_the_letters_gets_escapes(tmp_path, encoding):
    done = through_shell(tmp_path, WORK, "", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["first", "second"]
    name = "фото" if encoding == "utf-8" else r"\u0444\u043e\u0442\u043e"
    assert f"second: {name}.png \\udcff" in done.stdout.decode(encoding)


def test_a_result_that_nobody_takes_is_an_error(tmp_path):
    done = through_shell(tmp_path, "print('figures')", "> /dev/full")
    assert done.returncode == 1
    assert done.stderr.decode().startswith("pdgrad: ") and done.stderr.count(b"\n") == 1


def test_inside_another_program_a_stream_may_be_missing(monkeypatch):
    for value in (None, open(os.devnull, "w")):  # noqa: SIM115
        if value is not None:
            value.close()
        monkeypatch.setattr(sys, "stdout", value)
        monkeypatch.setattr(sys, "stderr", value)
        streams.say("one")
        streams.announce("two")


def test_a_batch_is_restored_to_the_end_with_nobody_listening(tmp_path):
    write_models(tmp_path / "models")
    photos = [tmp_path / name for name in ("лицо.png", "顔.png")]
    for seed, photo in enumerate(photos):
        save_image(images(1, 64, seed), photo)
    arguments = ["restore", *photos, "--models", tmp_path / "models", "--restorer", "none"]
    arguments += ["--device", "cpu", "--tau", "300", "--steps", "2", "--recipe", "a5", "--aligned"]
    arguments += ["--out", tmp_path / "out"]
    program = [sys.executable, "-m", "pdgrad_core", *map(str, arguments)]
    subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" 2>&- | true', "bash", *program],
        env={**ENVIRONMENT, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        check=True,
        timeout=200,
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["лицо.png", "顔.png"]


def heed_all():
    """Let a child heed what whoever runs the tests may ignore, as a shell's background jobs do."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


WRITING = """
    import time
    def write(path):
        path.write_bytes(bytes(1000))
        Path("begun").touch()
        time.sleep(60)
    write_whole(Path("result"), write)
"""


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_request_to_end_leaves_no_temporary_file(tmp_path, number, status):
    (tmp_path / "result").write_text("old")
    with subprocess.Popen(
        command(WRITING), cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE,
        preexec_fn=heed_all,
    ) as process:  # fmt: skip
        wait_for(tmp_path / "begun")
        process.send_signal(number)
        text = process.stderr.read().decode()
        assert process.wait(20) == status
    assert text == "pdgrad: stopped; no file was left half-written.\n"
    assert sorted(os.listdir(tmp_path)) == ["begun", "result"]
    assert (tmp_path / "result").read_text() == "old"


def test_what_the_caller_ignores_stays_ignored(tmp_path):
    body = "import os, signal; os.kill(os.getpid(), signal.SIGHUP); Path('survived').touch()"
    script = 'trap "" HUP; exec "$@"'
    subprocess.run(
        ["bash", "-c", script, "bash", *command(body)], cwd=tmp_path, env=ENVIRONMENT, check=True
    )
    assert (tmp_path / "survived").exists()


def test_ctrl_c_dressed_up_by_an_import_is_still_ctrl_c(tmp_path):
    body = """
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        raise ImportError("C-extensions failed") from error
"""
    done = through_shell(tmp_path, body, "")
    assert done.returncode == 130
    assert done.stderr == b"pdgrad: stopped; no file was left half-written.\n"


def test_until_the_command_line_stands_ctrl_c_ends_the_program_at_once():
    script = (
        "import os, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'pdgrad_core.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "import pdgrad_core.__main__"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=ENVIRONMENT, capture_output=True, timeout=60, preexec_fn=heed_all,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


COUNTED_IMPORTS = """
import os, signal, sys

class Interrupt:
    looked_for = 0
    def find_spec(self, name, path, target=None):
        Interrupt.looked_for += 1
        if Interrupt.looked_for == {at}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
import pdgrad_core.__main__ as program
status = program.main()
print(Interrupt.looked_for, file=sys.stderr)
raise SystemExit(status)
"""


def methods_interrupted(at):
    """`pdgrad methods`, with Ctrl-C while it looks for its `at`-th module."""
    return subprocess.run(
        [sys.executable, "-c", COUNTED_IMPORTS.replace("{at}", str(at)), "methods"],
        env=ENVIRONMENT, capture_output=True, timeout=60, preexec_fn=heed_all,
    )  # fmt: skip


def test_ctrl_c_in_the_first_moments_gives_no_traceback():
    undisturbed = methods_interrupted(at=0)
    assert undisturbed.returncode == 0
    modules = int(undisturbed.stderr)
    for share in (0.05, 0.3, 0.6, 0.95):
        done = methods_interrupted(at=round(share * modules))
        assert done.returncode in (130, -signal.SIGINT), share
        assert b"Traceback" not in done.stderr


def wait_for(path):
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
