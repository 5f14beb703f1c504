"""The house's own verbs; a capability declares its verbs in its module."""
