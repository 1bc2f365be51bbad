"""Studies with ground truth: what a method is worth, measured by networks that never guided it.

A study is a module with `run_study(StudyOptions) -> list[Path]`; `pdgrad ablate` lists them.
"""
