"""What the browser reaches without a Streamlit rerun: `st.App(script, routes=live.routes)`.

Importing this package imports neither Streamlit nor torch; the first decode loads torch.
"""

from live.address import CurrentAddress
from live.assets import asset_route
from live.blobs import blob_route
from live.decode import ask_route, decode_route
from live.door import BasePath, Bodies, Classroom, Connections, Frames, Gate
from live.frontend import Frontend
from live.rooms import room_route
from live.servers import NotHere
from live.visitors import VisitorCookie
from live.weights import weights_route
from live.weights.classifier import classifier_route

routes = [
    asset_route,
    blob_route,
    decode_route,
    ask_route,
    weights_route,
    classifier_route,
    room_route,
]

__all__ = [
    "BasePath",
    "Bodies",
    "Classroom",
    "Connections",
    "CurrentAddress",
    "Frames",
    "Frontend",
    "Gate",
    "NotHere",
    "VisitorCookie",
    "routes",
]
