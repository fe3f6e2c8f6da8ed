"""`kervan chaos`: orders live while the processes under them are killed; then it is proven that
nothing was lost and nothing done twice.
"""
