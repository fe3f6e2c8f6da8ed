"""Lives through real order histories against a running stack, and compares the end with the file.

`reader` reads the public Olist format, `plan` turns an order's rows into steps and the end they
must lead to (pure functions), `driver` takes the steps through the API and the sandbox as life
would, `comparison` tells where the end differs.
"""
