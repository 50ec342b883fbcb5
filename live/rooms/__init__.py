"""Rooms: what a teacher looks at, on every screen that follows.

Who opens a room leads it; whoever has its code follows. See `socket` for what travels.
"""

from live.rooms.hub import CODE, Place, hub, where
from live.rooms.socket import room_route

__all__ = ["CODE", "Place", "hub", "room_route", "where"]
