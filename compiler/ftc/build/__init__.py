"""Stages -> processes: doit schedules, a shim stands over each, the store keeps what they make."""
