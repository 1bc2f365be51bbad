"""The command line around its commands: status codes, one-sentence errors, help."""

import argparse
import re
import subprocess
import sys

import pytest
import torch

from pdgrad_core import cli
from pdgrad_core.commands import COMMANDS
from pdgrad_core.errors import InvalidInputError


@pytest.fixture
def command(monkeypatch):
    """Add a command `act` and return a setter for what it does."""
    holder = {}

    class Act:
        @staticmethod
        def add_parser(subparsers):
            parser = subparsers.add_parser("act")
            parser.set_defaults(run=lambda args: holder["run"](args))

    monkeypatch.setattr(cli, "COMMANDS", (Act,))
    return lambda run: holder.update(run=run)


def raising(error):
    def run(args):
        raise error

    return run


def test_the_commands_own_status_is_returned(command):
    command(lambda args: 3)
    assert cli.main(["act"]) == 3


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (InvalidInputError("tau must be less."), 1, "pdgrad: tau must be less.\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "Permission denied: '/x'\n"),
        (KeyboardInterrupt(), 130, "stopped; no file was left half-written.\n"),
    ],
)
def test_errors_are_one_sentence(command, capsys, error, status, words):
    command(raising(error))
    assert cli.main(["act"]) == status
    text = capsys.readouterr().err
    assert text.startswith("pdgrad: ") and text.endswith(words) and text.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nmore lines"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: not enough memory"),
        MemoryError(),
    ],
)
def test_full_memory_is_answered_in_one_sentence(command, capsys, error):
    command(raising(error))
    assert cli.main(["act"]) == 1
    text = capsys.readouterr().err
    assert text.startswith("pdgrad: Memory ran out (") and text.count("\n") == 1
    assert "--device cpu" in text
    with pytest.raises(type(error)):
        cli.main(["-v", "act"])


def test_our_own_bugs_keep_their_traceback(command):
    command(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["act"])


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for module in COMMANDS:
        name = module.__name__.rsplit(".", 1)[-1].replace("_", "-")
        # A long name has its explanation on the next line.
        assert re.search(rf"^    {name}\s", text, re.MULTILINE), name


def subcommands(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield name, sub
                yield from subcommands(sub)


def test_every_command_explains_itself_and_its_options():
    for name, parser in subcommands(cli.build_parser()):
        assert parser.description, f"{name} has no description"
        for action in parser._actions:
            assert action.help or isinstance(action, argparse._SubParsersAction), (
                f"{name}: {action.option_strings or action.dest} has no help"
            )
        parser.format_help()  # a stray % in a help text would raise here


def test_a_reader_that_goes_away_is_no_error():
    script = (
        "import sys; from pdgrad_core.cli import main\n"
        "import pdgrad_core.commands.weights as w\n"
        "w._list = lambda args: print('x' * 200_000) or 0\n"
        "sys.exit(main(['weights', 'list']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "pdgrad_core", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("pdgrad ")
