"""The GPU script's table and its manners; what it measures is tested where it is built."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
STEP = {
    "ratio": 11.0,
    "gradient_cosine": 0.99991,
    "straightforward": {"seconds": 0.088},
    "ours": {
        "seconds": 0.008,
        "peak_memory_bytes": 2_500_000_000,
        "warm_up_seconds": 1.5,
        "idle_share": 0.25,
        "kernels": {
            "kernels": 640,
            "longest": [{"name": "RowwiseMoments", "launches": 80, "seconds": 0.0039}],
        },
    },
}
RUN = {"batch": 4, "steps": 100, "seconds": 2.0, "seconds_per_step": 0.02, "seconds_per_face": 0.5}
MACHINE = {"device_name": "A card", "versions": {"torch": "2.11", "cuda": "13.0"}}


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("gpu_check", SCRIPTS / "gpu_check.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def check(script, monkeypatch, tmp_path):
    """Run the script on a stand-in for commands; return its exit status and what it wrote."""

    def called(run, *more):
        monkeypatch.setattr(script, "_run", run)
        arguments = ["--out", str(tmp_path / "new"), "--device", "cpu", "--size", "64", *more]
        monkeypatch.setattr(sys, "argv", ["gpu_check.py", *arguments])
        status = script.main()
        return status, json.loads((tmp_path / "new" / "gpu_check.json").read_text())

    return called


def answers(command, _seconds):
    if "-c" in command:
        return 0, json.dumps(MACHINE), ""
    return 0, json.dumps(STEP if "step" in command else {"runs": []}), ""


def test_the_table_has_every_figure_and_what_is_missing(script):
    runs = [{**RUN, "peak_memory_bytes": 3e9}, {"batch": 16, "steps": 100, "out_of_memory": True}]
    found = {
        "commit": "abc",
        "device": "cuda",
        "size_px": 512,
        "machine": MACHINE,
        "parts": {
            "step fast": STEP,
            "tests": {"said": "12 passed"},
            "restore fast": {"runs": runs},
            "restore balanced": {"left_out": "no time was left"},
            "step exact": {"error": "it broke"},
        },
    }
    text = script.table(found)
    assert "A card, torch 2.11, cuda 13.0, 512 px, commit abc, TF32 off on both sides." in text
    assert "| `step fast` | 88.0 | 8.0 | 11.0 | 0.9999100 | 2.50 | 1.5 | 640 | 25% |" in text
    assert "- 3.90 ms, 80 x `RowwiseMoments`" in text
    assert "| `restore fast` | 4 | 100 | 2.00 | 20.0 | 0.50 | 3.00 |" in text
    assert "| `restore fast` | 16 | 100 | out of memory | | | |" in text
    for note in ("tests: 12 passed", "restore balanced: no time was left", "step exact: it broke"):
        assert f"- {note}" in text


def test_a_failed_part_loses_nothing_but_itself(check, tmp_path):
    def run(command, seconds):
        if "exact" in command:
            return 1, "", "more\npdgrad: it broke"
        if "balanced" in command and "step" in command:
            return 0, "a warning, and no figures", ""
        return answers(command, seconds)

    status, found = check(run, "--quick")
    assert status == 1
    assert found["parts"]["step exact"]["error"] == "pdgrad: it broke"
    assert found["parts"]["step exact"]["tail"] == ["more", "pdgrad: it broke"]
    assert "cannot be read" in found["parts"]["step balanced --replay"]["error"]
    assert found["parts"]["step fast --replay"]["ratio"] == 11
    assert found["machine"] == MACHINE | {}
    assert "tests" not in found["parts"]  # nothing to ask a CPU
    text = (tmp_path / "new" / "gpu_check.md").read_text()
    assert "it broke" in text and "A card" in text


def test_what_was_measured_is_written_before_the_next_part_begins(check, tmp_path):
    def run(command, seconds):
        if "exact" in command:
            raise KeyboardInterrupt
        return answers(command, seconds)

    with pytest.raises(KeyboardInterrupt):
        check(run, "--quick")
    found = json.loads((tmp_path / "new" / "gpu_check.json").read_text())
    assert found["parts"]["step fast --replay"]["ratio"] == 11


def test_another_run_measures_what_is_missing_and_keeps_the_rest(check):
    asked = []

    def run(command, seconds):
        asked.append(" ".join(command))
        failing = "exact" in command and len(asked) < 6
        return (1, "", "it broke") if failing else answers(command, seconds)

    assert check(run, "--quick")[0] == 1
    assert len(asked) == 5
    status, found = check(run, "--quick", "--resume")
    assert status == 0
    assert [("-c" in one, "exact" in one) for one in asked[5:]] == [(True, False), (False, True)]
    assert found["parts"]["step exact"]["ratio"] == 11
    assert check(run, "--quick")[0] == 0
    assert len(asked) == 12  # without the option all is measured anew


def test_every_part_is_a_command_that_is_there(script):
    from pdgrad_core.cli import build_parser

    parser = build_parser()
    listed = script.parts("cuda", 512, 10, quick=False)
    assert len({one.name for one in listed}) == len(listed)
    for one in listed:
        if one.name == "tests":
            assert "tests/core/test_gpu.py" in one.command
        else:
            assert one.command[:2] == ("-m", "pdgrad_core")
            parser.parse_args(one.command[2:])


def test_what_the_time_does_not_suffice_for_is_left_out(script):
    one = script.Part("slow", ("-c", "1"), least_seconds=60)
    assert script.measured(one, time.monotonic() + 5) == {"left_out": "no time was left"}


def test_what_takes_too_long_ends_with_all_that_it_started(script, tmp_path):
    mark = tmp_path / "mark"
    child = f"import time; time.sleep(4); open({str(mark)!r}, 'w')"
    start = f"subprocess.Popen([sys.executable, '-c', {child!r}])"
    code = f"import subprocess, sys, time; {start}; time.sleep(60)"
    began = time.monotonic()
    found = script.measured(script.Part("hangs", ("-c", code), most_seconds=2), began + 90)
    assert found["error"] == "stopped after 2 s"
    assert time.monotonic() - began < 30
    time.sleep(5)
    assert not mark.exists()


def test_without_a_card_it_says_so(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "_has_cuda", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--out", str(tmp_path / "none")])
    assert script.main() == 1
    assert "no CUDA device is here" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
