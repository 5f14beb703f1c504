"""What customers write: language, sentiment, what it is about, and what that says about the range."""
