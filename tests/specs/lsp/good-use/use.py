from shapes import area
