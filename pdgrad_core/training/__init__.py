"""Training of small networks of every kind the pack uses, for `scripts/train.py`."""
