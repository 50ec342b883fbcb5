"""What stands before every route: who may come in, how much they bring, and how long they take."""

from live.door.base_path import BasePath
from live.door.bodies import Bodies
from live.door.classroom import Classroom, Entrance
from live.door.connections import Connections
from live.door.frames import Frames
from live.door.gate import Gate

__all__ = ["BasePath", "Bodies", "Classroom", "Connections", "Entrance", "Frames", "Gate"]
