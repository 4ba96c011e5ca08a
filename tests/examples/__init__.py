"""What examples/ ships: judged by the programs that it is for."""
