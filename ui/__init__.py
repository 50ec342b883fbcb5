"""What the pages share, in rooms, each of which imports only those before it:

palette, numbers -> components -> frame -> view -> text -> figures -> images -> training.
"""
