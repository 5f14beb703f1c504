"""Privacy that can be proved: consent, identities, requests, all that is known of a person, erasure with its proof."""
