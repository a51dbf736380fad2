"""The domain: nouns, rules, SQL, steps, settings, the queue's door, the vault and the sandbox."""
