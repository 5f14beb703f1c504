"""The customer: who buys what, who is to be offered what, and what that is worth."""
