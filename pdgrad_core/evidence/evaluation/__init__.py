"""Evaluating recipes on folders of pictures: restored, kept, scored, tabled and shown.

Every metric is a member of `METRICS`; what a metric looks through is prepared in `tools`.
"""
