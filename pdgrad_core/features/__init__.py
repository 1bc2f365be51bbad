"""Frozen networks whose features losses compare: ArcFace for identity, VGG16 for appearance."""
