"""Clients of outside services: one service a file."""
