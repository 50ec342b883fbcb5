"""What a program or a file gives: images as arrays, and codes that come without their model."""
