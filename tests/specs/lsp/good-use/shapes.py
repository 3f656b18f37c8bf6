def area(w):
    return w
