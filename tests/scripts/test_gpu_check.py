"""The GPU script's table and its manners; what it measures is tested where it is built."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STEP = {
    "ratio": 11.0,
    "gradient_cosine": 0.99991,
    "straightforward": {"seconds": 0.088},
    "ours": {"seconds": 0.008, "peak_memory_bytes": 2_500_000_000},
    "device_name": "A card",
    "versions": {"torch": "2.11"},
}
RUN = {"batch": 4, "steps": 100, "seconds": 2.0, "seconds_per_step": 0.02, "seconds_per_face": 0.5}


@pytest.fixture
def script():
    path = ROOT / "scripts" / "gpu_check.py"
    spec = importlib.util.spec_from_file_location("gpu_check", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_table_has_every_figure_and_what_is_missing(script):
    runs = [{**RUN, "peak_memory_bytes": 3e9}, {"batch": 16, "steps": 100, "out_of_memory": True}]
    found = {
        "commit": "abc",
        "device": "cuda",
        "size_px": 512,
        "tests": {"status": 0, "said": "12 passed"},
        "figures": {
            "step fast": STEP,
            "restore fast": {"runs": runs},
            "restore balanced": {"left_out": "no time was left"},
            "step exact": {"error": "it broke"},
        },
    }
    text = script.table(found)
    assert "A card, torch 2.11, 512 px, commit abc, TF32 off on both sides." in text
    assert "| `step fast` | 88.0 | 8.0 | 11.0 | 0.9999100 | 2.50 |" in text
    assert "| `restore fast` | 4 | 100 | 2.00 | 20.0 | 0.50 | 3.00 |" in text
    assert "| `restore fast` | 16 | 100 | out of memory | | | |" in text
    for note in ("tests: 12 passed", "restore balanced: no time was left", "step exact: it broke"):
        assert f"- {note}" in text


def test_both_files_are_written_and_a_failure_is_the_exit_status(script, tmp_path, monkeypatch):
    def run(command, deadline):
        if "exact" in command:
            return 1, "", "more\npdgrad: it broke"
        return 0, json.dumps(STEP if "step" in command else {"runs": []}), ""

    monkeypatch.setattr(script, "_run", run)
    arguments = ["--out", str(tmp_path / "new"), "--device", "cpu", "--size", "64", "--quick"]
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", *arguments])
    assert script.main() == 1
    found = json.loads((tmp_path / "new" / "gpu_check.json").read_text())
    assert found["figures"]["step exact"] == {"error": "pdgrad: it broke"}
    assert found["figures"]["step fast"] == STEP
    assert "tests" not in found  # nothing to ask a CPU
    assert "it broke" in (tmp_path / "new" / "gpu_check.md").read_text()


def test_what_the_time_does_not_suffice_for_is_left_out(script):
    one = script.Measurement("slow", ("-c", "1"), least_seconds=60)
    left_out = script.run_measurement(one, time.monotonic() + 5)
    assert left_out == {"left_out": "no time was left"}


def test_without_a_card_it_says_so(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "_has_cuda", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--out", str(tmp_path / "none")])
    assert script.main() == 1
    assert "no CUDA device" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
