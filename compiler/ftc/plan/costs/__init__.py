"""What a build costs, before anything is spent: time, bytes, room on the disk, memory."""
