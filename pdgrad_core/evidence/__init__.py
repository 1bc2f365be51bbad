"""Studies with ground truth: what a method is worth, measured by networks that never guided it.

A study is a file of `studies`: rows, and what only it knows. The faces, the runs, the tuning, the
statistics and the report are shared.
"""
