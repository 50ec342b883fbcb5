"""Files of other programs: named, or read in a process of their own."""
