"""What two or more methods need of networks: where their weights come from, and that they fit."""
