"""What charging stations told, and what it comes to."""
