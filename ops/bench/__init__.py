"""`kervan bench`: what an order costs, and how fast this machine is, always beside a floor that is
measured in the same run.
"""
