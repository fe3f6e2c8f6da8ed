"""What workflows have done: each method is one transaction or one call to an outside party."""
