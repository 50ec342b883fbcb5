"""Images from anywhere, as an `ImageDataset`: named data sets, one's own in `own`."""
