"""What an order is and what may happen to it: pure data and pure functions, standard library only."""
