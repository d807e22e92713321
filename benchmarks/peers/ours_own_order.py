"""barenet's engine, a stack in which each network has its own order of images."""

from __future__ import annotations

from peers import ours


class Peer(ours.Peer):
    """As `ours`, with (N, B, D) inputs."""

    own_order = True
