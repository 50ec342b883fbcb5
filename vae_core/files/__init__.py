"""Files: written whole or not at all, read only as far as an honest one goes, never unpickled."""
