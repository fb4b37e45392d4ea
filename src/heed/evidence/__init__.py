"""How numbers are made: pure functions over tables. No framework, no clock, no hidden randomness."""
