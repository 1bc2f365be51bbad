"""The README's Python example runs as it stands, and its two first commands are the set-up."""

import re
import runpy
from pathlib import Path

import pytest
from networks import images

from pdgrad_core.embedded import SIZE_PX, WEIGHTS
from pdgrad_core.images import load_image, save_image

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_first_block_is_the_two_commands_of_the_set_up():
    block = re.search(r"```bash\n(.*?)```", README, re.S)[1].splitlines()
    commands = [line.split("#")[0].strip() for line in block]
    tests = 'pip install -e ".[test]" && pytest -q -n auto --dist loadfile'
    assert commands == ["pip install -e . && pdgrad demo", tests]


@pytest.mark.skipif(not (WEIGHTS / "prior.safetensors").is_file(), reason="no demo models here")
def test_the_python_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, seed in (("degraded.png", 1), ("reference.png", 2)):
        save_image(images(1, SIZE_PX, seed), name)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    Path("example.py").write_text(example)
    runpy.run_path("example.py")
    assert load_image("restored.png").shape == (1, 3, SIZE_PX, SIZE_PX)
