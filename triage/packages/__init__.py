"""What leaves, as bytes: mails, and signed packages sealed to their recipient."""
