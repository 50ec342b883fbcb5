"""Trainings outside this process: run folders, the queue, the trainer, a cluster."""
