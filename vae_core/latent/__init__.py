"""What one does with codes: encode a data set, draw from q(z), grids, ways, geometry, films."""
